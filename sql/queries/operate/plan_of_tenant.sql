-- As the migrator. $1 is a slug or an id. What a tenant is on, or was last, and what follows from it.
select t.slug, s.plan, s.plan_version, s.state, e.features, e.limits, o.tenant_id is not null as own, coalesce(o.note, '') as note
from registry.tenants t
join tenant.entitlements e on e.tenant_id = t.id
cross join lateral (select x.plan, x.plan_version, x.state from tenant.subscriptions x where x.tenant_id = t.id
                    order by x.state = 'canceled', x.id desc limit 1) s
left join registry.plan_overrides o on o.tenant_id = t.id
where t.id = (select n.id from registry.tenants n where n.slug = $1 or n.id::text = $1 order by n.id::text = $1 desc limit 1)
