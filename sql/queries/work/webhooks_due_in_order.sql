-- The first that waits at an endpoint that is told in order, where it is due.
select f.id, f.event_id, f.permission, f.payload, f.attempts
from (select id, event_id, permission, payload, attempts, next_at
      from tenant.webhook_deliveries
      where tenant_id = $1 and endpoint_id = $2 and state = 'waiting'
      order by id
      limit 1) f
where f.next_at <= clock_timestamp()
