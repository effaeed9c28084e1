-- Door: the user who asks, if their session is open and their account active, or an error. Policies on what
-- is a person's own compare: user_id = (select registry.signed_in()). Same reasons as registry.require.
-- With `within` the session must have given its password no longer ago than that (RFC 9470): RH008.
--   RH001  the account is deactivated       RH006  the session has ended or expired
--   RH008  sign in anew first; the message is the time allowed, in seconds
create or replace function registry.signed_in(within interval default null) returns uuid
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
    wanted_user uuid := current_setting('app.user_id')::uuid;
    account_active boolean;
    authenticated timestamptz;
begin
    select u.active, s.authenticated_at
    into account_active, authenticated
    from registry.sessions s
    join registry.users u on u.id = s.user_id
    where s.id = current_setting('app.session_id')::uuid and s.user_id = wanted_user
      and s.idle_until > now() and s.expires_at > now();

    if not found then
        raise exception using errcode = 'RH006', message = 'session ended';
    elsif not account_active then
        raise exception using errcode = 'RH001', message = 'account deactivated';
    elsif authenticated < now() - within then
        raise exception using errcode = 'RH008', message = extract(epoch from within)::integer::text;
    end if;
    return wanted_user;
end
$$;
alter function registry.signed_in(interval) owner to rowhouse_identity;
revoke all on function registry.signed_in(interval) from public;
grant execute on function registry.signed_in(interval) to rowhouse_gate, rowhouse_tenancy;
comment on function registry.signed_in(interval) is
    'Whether a session is open must not depend on what the caller may read.';
