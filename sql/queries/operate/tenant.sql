-- As the migrator. $1 is an id or a slug, which could be made to look like an id.
select t.id, t.slug, t.name, t.status, t.trial_ends_at, t.created_at,
       (select count(*) from tenant.memberships m where m.tenant_id = t.id) as members,
       array(select h.domain from registry.hosts h where h.tenant_id = t.id order by h.domain) as domains
from registry.tenants t
where t.id = (select n.id from registry.tenants n where n.slug = $1 or n.id::text = $1 order by n.id::text = $1 desc limit 1)
