-- What is due at an endpoint, $3 at most.
select id, event_id, permission, payload, attempts
from tenant.webhook_deliveries
where tenant_id = $1 and endpoint_id = $2 and state = 'waiting' and next_at <= clock_timestamp()
order by next_at, id
limit $3
