-- A message that is no event; registry.write_test says what stands in it. Nothing where there is no such endpoint.
-- $2 endpoint_id uuid = {webhook_endpoints.id}
-- $3 id uuid = {new}
insert into tenant.webhook_deliveries (tenant_id, id, endpoint_id)
select w.tenant_id, $3, w.id
from tenant.webhook_endpoints w
where w.tenant_id = $1 and w.id = $2
returning id, endpoint_id, event_id, event_type, payload, state, attempts, next_at, last_status, last_error, created_at, finished_at
