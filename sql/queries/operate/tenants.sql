-- As the migrator, whom no wall stops; it counts and shows no row of a tenant's own.
select t.id, t.slug, t.name, t.status, t.trial_ends_at, t.created_at,
       (select count(*) from tenant.memberships m where m.tenant_id = t.id) as members,
       array(select h.domain from registry.hosts h where h.tenant_id = t.id order by h.domain) as domains
from registry.tenants t
where t.slug > $1 and ($2::text is null or t.status = $2)
order by t.slug
limit $3
