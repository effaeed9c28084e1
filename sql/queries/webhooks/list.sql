-- Newest first, off the primary key.
-- $2 before uuid = {middle} or {max}
-- $3 rows bigint = {page}
select id, url, description, event_types, ordered, state, disabled_why, disabled_at, failing_since, created_by, created_at, updated_at, version
from tenant.webhook_endpoints
where tenant_id = $1 and id < $2
order by id desc
limit $3
