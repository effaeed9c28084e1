-- Door for doors of rowhouse_tenancy alone: whether the session that is set is open, and is the set user's. registry.require
-- asks at each statement, so it is one look-up and nothing else; registry.signed_in says what is wrong, where something is.
-- Why a door: whoever decides about tenants reaches no session.
create or replace function registry.session_is_open() returns boolean
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
    perform from registry.sessions s
    where s.user_id = current_setting('app.user_id')::uuid and s.id = current_setting('app.session_id')::uuid
      and s.idle_until > now() and s.expires_at > now();
    return found;
end
$$;
alter function registry.session_is_open() owner to rowhouse_identity;
revoke all on function registry.session_is_open() from public;
grant execute on function registry.session_is_open() to rowhouse_tenancy;
comment on function registry.session_is_open() is
    'Whoever decides about tenants reaches no session; it tells yes or no of the one that is set.';
