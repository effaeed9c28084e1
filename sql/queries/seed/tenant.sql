-- A tenant with its built-in roles; as the migrator. $4 are as many fresh ids as there are built-in roles.
with new_tenant as (
    insert into registry.tenants (id, slug, name, status, trial_ends_at)
    values ($1, $2, $3, 'trial', now() + interval '14 days')
    returning id
)
insert into tenant.roles (tenant_id, id, name, permissions, built_in)
select new_tenant.id, ($4::uuid[])[row_number() over (order by built_in.name)], built_in.name, built_in.permissions, true
from new_tenant, registry.built_in_roles built_in
