-- Door: whoever is to change members of the tenant that is set waits for whoever is changing them or their roles, and has
-- the next one wait. It takes the lock that registry.people_in_order takes, in a statement before the one that changes: that
-- one sees a role as it was when it began, and what a membership says of its role has to be what the role says.
-- Why a door: to lock a role asks for the right to change it. Why it is safe: it locks for whoever belongs to the tenant
-- alone, so that a stranger who names it keeps nobody waiting, and answers nothing.
create or replace function registry.hold_people() returns void
    language plpgsql security definer set search_path = ''
as $$
declare
    tenant constant uuid := current_setting('app.tenant_id')::uuid;
begin
    if registry.caller_permissions() is not null then
        perform from tenant.roles r where r.tenant_id = tenant and r.built_in and r.name = 'owner' for no key update;
    end if;
end
$$;
alter function registry.hold_people() owner to rowhouse_tenancy;
revoke all on function registry.hold_people() from public;
grant execute on function registry.hold_people() to rowhouse_api;
comment on function registry.hold_people() is
    'To lock a role asks for the right to change it; it locks one row of the caller''s own tenant and answers nothing.';
