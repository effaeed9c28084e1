-- Door: the tenants the signed-in user belongs to, with the role held in each.
-- Why a door: the question crosses tenants by nature. It answers for whoever is signed in, and raises otherwise.
create or replace function registry.my_tenants()
    returns table (id uuid, slug text, name text, status text, role text)
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
    me uuid := registry.signed_in();
begin
    return query
        select t.id, t.slug, t.name, t.status, r.name
        from tenant.memberships m
        join tenant.roles r on r.tenant_id = m.tenant_id and r.id = m.role_id
        join registry.tenants t on t.id = m.tenant_id
        where m.user_id = me
          and t.status <> 'closed'
        order by t.slug;
end
$$;
alter function registry.my_tenants() owner to rowhouse_tenancy;
revoke all on function registry.my_tenants() from public;
grant execute on function registry.my_tenants() to rowhouse_gate;
comment on function registry.my_tenants() is
    'The question crosses tenants by nature; it is answered for app.user_id alone.';
