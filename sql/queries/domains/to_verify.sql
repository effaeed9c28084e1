-- As get, for whoever may verify: before a name server is asked on their behalf.
-- $2 id uuid = {registry.domains.id}
select id, domain, challenge, verified_at, checked_at, created_at
from registry.domains
where tenant_id = registry.require('domains:write') and tenant_id = $1 and id = $2
