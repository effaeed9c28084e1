-- Tenants with something in their log; or one of them ($1, by slug), whatever is in it.
select t.id, t.slug
from registry.tenants t
where t.slug = $1
   or ($1::text is null
       and (exists (select from tenant.audit_log l where l.tenant_id = t.id) or exists (select from tenant.audit_seals s where s.tenant_id = t.id)))
order by t.slug
