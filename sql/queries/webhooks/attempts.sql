-- The last tries at a delivery, the newest first.
-- $2 delivery_id uuid = {webhook_attempts.delivery_id}
select at, number, duration_ms, status, error, request, response
from tenant.webhook_attempts
where tenant_id = $1 and delivery_id = $2
order by at desc, id desc
limit 20
