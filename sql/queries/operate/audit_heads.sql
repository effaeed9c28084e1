-- Where each tenant's chain of seals ends.
select t.id as tenant, t.slug, s.number, s.sealed_at, encode(s.head, 'hex') as head, encode(s.signature, 'hex') as signature, s.key_id
from registry.tenants t
cross join lateral (select * from tenant.audit_seals s where s.tenant_id = t.id order by s.number desc limit 1) s
where $1::text is null or t.slug = $1
order by t.slug
