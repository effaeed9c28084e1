-- By name, off the unique key.
select id, domain, challenge, verified_at, checked_at, created_at
from registry.domains
where tenant_id = $1 and domain > $2
order by domain
limit $3
