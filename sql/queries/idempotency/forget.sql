-- $2 principal uuid = {idempotency_keys.principal}
-- $3 key text = {idempotency_keys.key}
delete from tenant.idempotency_keys
where tenant_id = $1 and principal = $2 and key = $3
returning principal
