-- An endpoint, held until the end of the transaction: by whoever may change it, which is asked for also where it is not there.
-- $2 id uuid = {webhook_endpoints.id}
-- control: it writes nothing, and who may not change endpoints is refused
select id from tenant.webhook_endpoints where tenant_id = $1 and id = $2 for no key update
