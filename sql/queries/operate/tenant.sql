-- As the migrator. $1 is a slug or an id.
select t.id, t.slug, t.name, t.status, t.trial_ends_at, t.created_at,
       (select count(*) from tenant.memberships m where m.tenant_id = t.id) as members,
       array(select h.domain from registry.hosts h where h.tenant_id = t.id order by h.domain) as domains
from registry.tenants t
where t.slug = $1 or t.id::text = $1
