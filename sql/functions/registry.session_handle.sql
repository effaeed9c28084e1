-- Not a door: what a session is spoken of by, which does not open it: as the generated column registry.sessions.handle has it.
create or replace function registry.session_handle(session uuid) returns uuid
    language sql immutable strict parallel safe set search_path = ''
return encode(set_byte(set_byte(substring(sha256(uuid_send(session)) for 16),
                                     6, get_byte(sha256(uuid_send(session)), 6) & 15 | 128),
                            8, get_byte(sha256(uuid_send(session)), 8) & 63 | 128), 'hex')::uuid;
alter function registry.session_handle(uuid) owner to rowhouse_owner;
revoke all on function registry.session_handle(uuid) from public;
grant execute on function registry.session_handle(uuid) to rowhouse_identity, rowhouse_writers;
