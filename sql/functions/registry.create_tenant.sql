-- Door: a new tenant with the caller as its owner. Why a door: there is no membership yet that a policy could
-- ask. Answers the slug; where all are taken it breaks tenants_slug_key, since host names are public.
create or replace function registry.create_tenant(new_tenant uuid, tenant_name text, slugs text[], role_ids uuid[])
    returns table (id uuid, slug text, name text, status text, role text)
    language plpgsql security definer set search_path = ''
as $$
declare
    me uuid := registry.signed_in();
    given text;
begin
    perform registry.refuse_in_tenant();
    -- One after the other, or as many would be made at once as are asked for at once.
    perform registry.hold_account();
    if (select count(*) from registry.tenants t where t.founder_id = me and t.created_at > now() - interval '1 day') >= 10 then
        raise exception using errcode = 'RH011', message = 'ten tenants a day';
    end if;
    given := registry.found_tenant(me, registry.own_address(), registry.own_name(), new_tenant, tenant_name, slugs, role_ids);
    if given is null then
        raise unique_violation using constraint = 'tenants_slug_key', schema = 'registry', table = 'tenants', message = 'taken';
    end if;
    return query select new_tenant, given, tenant_name, 'trial', 'owner';
end
$$;
alter function registry.create_tenant(uuid, text, text[], uuid[]) owner to rowhouse_tenancy;
revoke all on function registry.create_tenant(uuid, text, text[], uuid[]) from public;
grant execute on function registry.create_tenant(uuid, text, text[], uuid[]) to rowhouse_gate;
comment on function registry.create_tenant(uuid, text, text[], uuid[]) is
    'There is no membership yet that a policy could ask; the caller becomes the owner.';
