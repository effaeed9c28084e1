-- Door: the caller leaves the tenant that is set. Why a door: removing members is a permission, and leaving is
-- none. keep_an_owner sees to it that the last owner stays.
create or replace function registry.leave_tenant() returns void
    language plpgsql security definer set search_path = ''
as $$
declare
    me uuid := registry.signed_in();
begin
    delete from tenant.memberships m where m.tenant_id = current_setting('app.tenant_id')::uuid and m.user_id = me;
    if not found then
        raise exception using errcode = 'RH002', message = 'not a member';
    end if;
end
$$;
alter function registry.leave_tenant() owner to rowhouse_tenancy;
revoke all on function registry.leave_tenant() from public;
grant execute on function registry.leave_tenant() to rowhouse_api;
comment on function registry.leave_tenant() is
    'Leaving needs no permission; it removes the caller''s own membership in the tenant that is set.';
