-- $2 id uuid = {registry.domains.id}
select id, domain, challenge, verified_at, checked_at, created_at
from registry.domains
where tenant_id = $1 and id = $2
