update tenant.idempotency_keys
set status = $4, answer = $5
where tenant_id = $1 and principal = $2 and key = $3
returning principal
