-- Door for triggers of rowhouse_seats alone: SHA-256 of each open session of a person's, and until when it is open unless it is
-- used again. Holds them to the end of the transaction: what ends or prolongs one meanwhile waits, and so does a sign-in, so that
-- none is missed which is about to be opened.
-- Why a door: whoever keeps seats reaches no session; a hash opens none.
create or replace function registry.open_sessions(who uuid) returns table (session_hash bytea, open_until timestamptz)
    language plpgsql security definer set search_path = ''
as $$
begin
    perform from registry.users u where u.id = who for share;
    -- First all of them: which are open is asked once nobody is prolonging one any more.
    perform from registry.sessions s where s.user_id = who order by s.id for share;
    return query
        select sha256(uuid_send(s.id)), least(s.idle_until, s.expires_at)
        from registry.sessions s
        where s.user_id = who and s.idle_until > now() and s.expires_at > now();
end
$$;
alter function registry.open_sessions(uuid) owner to rowhouse_identity;
revoke all on function registry.open_sessions(uuid) from public;
grant execute on function registry.open_sessions(uuid) to rowhouse_seats;
comment on function registry.open_sessions(uuid) is
    'Whoever keeps seats reaches no session; it tells hashes, which open none, and times.';
