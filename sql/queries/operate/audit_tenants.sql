-- Tenants with something in their log, or one of them ($1, by slug).
select t.id, t.slug
from registry.tenants t
where ($1::text is null or t.slug = $1)
  and (exists (select from tenant.audit_log l where l.tenant_id = t.id) or exists (select from tenant.audit_seals s where s.tenant_id = t.id))
order by t.slug
