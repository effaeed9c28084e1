-- How far events have been read for webhooks. Whoever reads on holds it meanwhile.
select epoch, xid, event_id, moment, (extract(epoch from clock_timestamp()) * 1000000)::bigint as now
from tenant.event_consumers
where tenant_id = $1 and consumer = 'webhooks'
for update
