-- Door: the caller's session acts in another of their tenants from now on. Why a door: the memberships of other
-- tenants are behind the wall. RH002 when there is none; what may be done there is asked at each statement.
create or replace function registry.switch_tenant(wanted uuid) returns void
    language plpgsql security definer set search_path = ''
as $$
declare
    me uuid := registry.signed_in();
    status text;
begin
    perform registry.refuse_in_tenant();
    select m.tenant_status into status from tenant.memberships m where m.tenant_id = wanted and m.user_id = me;
    if not found then
        raise exception using errcode = 'RH002', message = 'not a member';
    end if;
    -- Where a payment is overdue somebody has to get in to make it.
    perform registry.refuse_unless_open(status, null);
    perform registry.act_in(wanted);
end
$$;
alter function registry.switch_tenant(uuid) owner to rowhouse_tenancy;
revoke all on function registry.switch_tenant(uuid) from public;
grant execute on function registry.switch_tenant(uuid) to rowhouse_gate;
comment on function registry.switch_tenant(uuid) is
    'Memberships in other tenants are behind the wall; it looks at the caller''s own.';
