-- Door for doors of rowhouse_tenancy alone: the caller's session acts in this tenant from now on, or in none. That they are a
-- member of it the door has found; it opens nothing, since membership is asked at each statement.
-- Why a door: whoever decides about tenants reaches no session.
create or replace function registry.act_in(tenant uuid) returns void
    language plpgsql security definer set search_path = ''
as $$
declare
    me uuid := registry.signed_in();
begin
    update registry.sessions s set acts_in = tenant
    where s.user_id = me and s.id = current_setting('app.session_id')::uuid;
end
$$;
alter function registry.act_in(uuid) owner to rowhouse_identity;
revoke all on function registry.act_in(uuid) from public;
grant execute on function registry.act_in(uuid) to rowhouse_tenancy;
comment on function registry.act_in(uuid) is
    'Whoever decides about tenants reaches no session; it writes one column of the caller''s own.';
