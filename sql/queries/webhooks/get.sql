-- $2 id uuid = {webhook_endpoints.id}
select id, url, description, event_types, ordered, state, disabled_why, disabled_at, failing_since, created_by, created_at, updated_at, version
from tenant.webhook_endpoints
where tenant_id = $1 and id = $2
