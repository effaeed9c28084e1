-- As the migrator. $1 is a slug or an id; null is as many as they like.
insert into registry.tenant_limits (tenant_id, tenant_per_minute, principal_per_minute, tenant_per_month)
select t.id, $2::bigint::integer, $3::bigint::integer, $4
from registry.tenants t
where t.id = (select n.id from registry.tenants n where n.slug = $1 or n.id::text = $1 order by n.id::text = $1 desc limit 1)
on conflict (tenant_id) do update
set tenant_per_minute = excluded.tenant_per_minute, principal_per_minute = excluded.principal_per_minute,
    tenant_per_month = excluded.tenant_per_month
returning tenant_id
