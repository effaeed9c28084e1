delete from tenant.idempotency_keys
where tenant_id = $1 and principal = $2 and key = $3
returning principal
