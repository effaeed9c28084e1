-- By name, off the unique key.
-- $2 after text = 'd1000.example' or ''
-- $3 rows bigint = {page}
select id, domain, challenge, verified_at, checked_at, created_at
from registry.domains
where tenant_id = $1 and domain > $2
order by domain
limit $3
