-- The endpoints that are told of anything, and from where on. They are held until the end of the transaction, so that whoever is about to
-- stop sending to one sees what is added.
select id, since_epoch, since_xid
from tenant.webhook_endpoints
where tenant_id = $1 and state = 'enabled'
order by id
for no key update
