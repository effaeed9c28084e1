-- Door for doors of rowhouse_identity alone (registry.sign_up), and called by those of its own owner: a tenant with its built-in
-- roles, a trial, and its first owner, whose address and name the membership carries: a foreign key refuses what is not so.
-- Why a door: whoever makes accounts reaches nothing of a tenant.
-- Tries the slugs in order; answers the one that was free, or null. Of several it passes over those that are reserved; one
-- that was asked for breaks tenants_slug_reserved.
create or replace function registry.found_tenant(
        founder uuid, founder_address text, founder_name text, new_tenant uuid, tenant_name text, slugs text[], role_ids uuid[])
    returns text
    language plpgsql security definer set search_path = ''
as $$
declare
    taken text;
    -- As long as the plan says that tenants begin with (registry.begin_subscription).
    trial_ends constant timestamptz := (select now() + make_interval(days => p.trial_days) from registry.plans p where p.is_default);
begin
    foreach taken in array slugs loop
        continue when cardinality(slugs) > 1 and registry.reserved_slug(taken);
        insert into registry.tenants (id, slug, name, status, trial_ends_at, founder_id)
        values (new_tenant, taken, tenant_name, 'trial', trial_ends, founder)
        on conflict (slug) do nothing;
        if found then
            insert into tenant.roles (tenant_id, id, name, permissions, built_in)
            select new_tenant, role_ids[row_number() over (order by b.name)], b.name, b.permissions, true
            from registry.built_in_roles b;
            insert into tenant.memberships (tenant_id, user_id, role_id, permissions, tenant_status, account_active, email, full_name)
            select new_tenant, founder, r.id, r.permissions, 'trial', true, founder_address, founder_name
            from tenant.roles r
            where r.tenant_id = new_tenant and r.name = 'owner';
            return taken;
        end if;
    end loop;
    return null;
end
$$;
alter function registry.found_tenant(uuid, text, text, uuid, text, text[], uuid[]) owner to rowhouse_tenancy;
revoke all on function registry.found_tenant(uuid, text, text, uuid, text, text[], uuid[]) from public;
grant execute on function registry.found_tenant(uuid, text, text, uuid, text, text[], uuid[]) to rowhouse_identity;
comment on function registry.found_tenant(uuid, text, text, uuid, text, text[], uuid[]) is
    'Whoever makes accounts reaches nothing of a tenant; it makes a new one, and nobody but its founder is in it.';
