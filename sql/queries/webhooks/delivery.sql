-- $2 endpoint_id uuid = {webhook_deliveries.endpoint_id}
-- $3 id uuid = {webhook_deliveries.id}
select id, endpoint_id, event_id, event_type, payload, state, attempts, next_at, last_status, last_error, created_at, finished_at
from tenant.webhook_deliveries
where tenant_id = $1 and endpoint_id = $2 and id = $3
