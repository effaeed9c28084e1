-- Everything up to there has been read for webhooks.
update tenant.event_consumers
set epoch = $2, xid = $3, event_id = $4, moment = greatest(moment, $5)
where tenant_id = $1 and consumer = 'webhooks'
returning moment
