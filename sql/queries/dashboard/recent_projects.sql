-- Changed last first, off (tenant_id, updated_at, id). Asks for dashboard:read beside what the policy asks for.
-- $2 before timestamptz = now() or 'infinity'
-- $3 before_id uuid = {max}
-- $4 rows bigint = {page}
select id, name, status, owner_id, updated_at
from tenant.projects
where tenant_id = (select registry.require('dashboard:read')) and tenant_id = $1 and (updated_at, id) < ($2, $3)
order by updated_at desc, id desc
limit $4
