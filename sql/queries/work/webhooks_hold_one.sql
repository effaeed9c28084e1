-- One endpoint, held until the end of the transaction.
select url, ordered, state = 'enabled' as enabled
from tenant.webhook_endpoints
where tenant_id = $1 and id = $2
for no key update
