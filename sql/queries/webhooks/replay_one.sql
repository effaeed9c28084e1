-- Sends it once more, with all its tries; one that waits is sent now.
-- $2 endpoint_id uuid = {webhook_deliveries.endpoint_id}
-- $3 id uuid = {webhook_deliveries.id}
update tenant.webhook_deliveries
set state = 'waiting', attempts = 0, next_at = now(), finished_at = null
where tenant_id = $1 and endpoint_id = $2 and id = $3
returning id, endpoint_id, event_id, event_type, payload, state, attempts, next_at, last_status, last_error, created_at, finished_at
