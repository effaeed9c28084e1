-- Door: one rotation of a refresh token (RFC 9700 §4.14.2). Under the session's row lock: a fresh one is used up
-- and given a successor; a used one presented again while its successor is unused answers that successor (a client that
-- lost the answer, or asked twenty times at once): within ten seconds as often as it likes, later once. Any other use of
-- a used one is a replay, and ends the whole session. What was handed out late is not forgiven itself: whoever shares
-- a session with a thief by forgiveness alone is found out at the next rotation. docs/adr/0011.
-- Why a door: the caller has nothing but the token. A hash that is not stored opens nothing.
-- Answers outcome: rotated, repeated (with the successor, sealed), replayed, expired, unknown.
create or replace function registry.rotate_refresh_token(
        presented bytea, next_hash bytea, next_sealed bytea, idle interval, client_address text)
    returns table (outcome text, whose uuid, session uuid, tenant uuid, sealed bytea)
    language plpgsql security definer set search_path = ''
as $$
declare
    presented_hash bytea := sha256(presented);
    next_stored bytea := sha256(next_hash);
    token registry.refresh_tokens;
    successor registry.refresh_tokens;
    open registry.sessions;
    nothing constant uuid := null;
begin
    perform registry.refuse_signed_in();
    -- The session first and its token then, as whoever ends a session does: in the other order the two would wait for
    -- each other.
    select * into token from registry.refresh_tokens r where r.token_hash = presented_hash;
    perform from registry.sessions s where s.user_id = token.user_id and s.id = token.session_id for no key update;
    select * into token from registry.refresh_tokens r where r.token_hash = presented_hash for no key update;
    if not found then
        return query select 'unknown', nothing, nothing, nothing, null::bytea;
        return;
    end if;
    select s.* into open
    from registry.sessions s join registry.users u on u.id = s.user_id
    where s.user_id = token.user_id and s.id = token.session_id and u.active and s.idle_until > now() and s.expires_at > now();
    if not found then
        delete from registry.sessions s where s.user_id = token.user_id and s.id = token.session_id;
        return query select 'expired', nothing, nothing, nothing, null::bytea;
        return;
    elsif token.used_at is null then
        update registry.refresh_tokens r
        set used_at = clock_timestamp(), successor_hash = next_stored, successor_sealed = next_sealed
        where r.token_hash = presented_hash;
        insert into registry.refresh_tokens (token_hash, user_id, session_id) values (next_stored, open.user_id, open.id);
        update registry.sessions s
        set last_used_at = now(), idle_until = least(now() + idle, s.expires_at), address = client_address
        where s.user_id = open.user_id and s.id = open.id;
        return query select 'rotated', open.user_id, open.id, open.acts_in, null::bytea;
        return;
    end if;

    select * into successor from registry.refresh_tokens r where r.token_hash = token.successor_hash and r.used_at is null;
    if found and greatest(token.used_at, successor.repeated_at) > clock_timestamp() - interval '10 seconds' then
        return query select 'repeated', open.user_id, open.id, open.acts_in, token.successor_sealed;
    elsif found and successor.repeated_at is null and token.repeated_at is null then
        update registry.refresh_tokens r set repeated_at = clock_timestamp() where r.token_hash = successor.token_hash;
        return query select 'repeated', open.user_id, open.id, open.acts_in, token.successor_sealed;
    else
        insert into registry.account_events (user_id, kind, session_id, address)
        values (open.user_id, 'refresh_token_replayed', open.handle, client_address);
        delete from registry.sessions s where s.user_id = open.user_id and s.id = open.id;
        return query select 'replayed', open.user_id, open.id, nothing, null::bytea;
    end if;
end
$$;
alter function registry.rotate_refresh_token(bytea, bytea, bytea, interval, text) owner to rowhouse_identity;
revoke all on function registry.rotate_refresh_token(bytea, bytea, bytea, interval, text) from public;
grant execute on function registry.rotate_refresh_token(bytea, bytea, bytea, interval, text) to rowhouse_gate;
comment on function registry.rotate_refresh_token(bytea, bytea, bytea, interval, text) is
    'The caller has nothing but the token, of which the hash is stored.';
