-- As the migrator. $1 is a slug or an id: the tenant goes by the platform's settings again.
delete from registry.plan_overrides l using registry.tenants t
where l.tenant_id = t.id
  and t.id = (select n.id from registry.tenants n where n.slug = $1 or n.id::text = $1 order by n.id::text = $1 desc limit 1)
returning l.tenant_id
