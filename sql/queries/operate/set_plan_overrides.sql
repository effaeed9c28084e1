-- As the migrator. $1 is a slug or an id. What is said takes the place of what was said before.
insert into registry.plan_overrides (tenant_id, features, without, limits, note)
select t.id, $2, $3, $4, $5
from registry.tenants t
where t.id = (select n.id from registry.tenants n where n.slug = $1 or n.id::text = $1 order by n.id::text = $1 desc limit 1)
on conflict (tenant_id) do update
set features = excluded.features, without = excluded.without, limits = excluded.limits, note = excluded.note, updated_at = now()
returning tenant_id
