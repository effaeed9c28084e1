-- Not a door: what a session is spoken of by, which does not open it: as the generated column registry.sessions.handle has it.
-- plpgsql, because it keeps its plan: each transaction that writes anything asks once, and to plan it anew takes 40 microseconds.
create or replace function registry.session_handle(session uuid) returns uuid
    language plpgsql immutable strict parallel safe set search_path = ''
as $$
begin
    return encode(set_byte(set_byte(substring(sha256(uuid_send(session)) for 16),
                                         6, get_byte(sha256(uuid_send(session)), 6) & 15 | 128),
                                8, get_byte(sha256(uuid_send(session)), 8) & 63 | 128), 'hex')::uuid;
end
$$;
alter function registry.session_handle(uuid) owner to rowhouse_owner;
revoke all on function registry.session_handle(uuid) from public;
grant execute on function registry.session_handle(uuid) to rowhouse_identity, rowhouse_writers;
