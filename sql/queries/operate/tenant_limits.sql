-- As the migrator. $1 is a slug or an id. What a tenant may that has limits of its own, and what it has made of this month.
select t.slug, l.tenant_id is not null as own, l.tenant_per_minute::bigint, l.principal_per_minute::bigint, l.tenant_per_month,
       coalesce(u.requests, 0) as used
from registry.tenants t
left join registry.tenant_limits l on l.tenant_id = t.id
left join registry.tenant_usage u on u.tenant_id = t.id and u.month = date_trunc('month', now() at time zone 'UTC')::date
where t.id = (select n.id from registry.tenants n where n.slug = $1 or n.id::text = $1 order by n.id::text = $1 desc limit 1)
