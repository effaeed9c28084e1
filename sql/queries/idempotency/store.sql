-- $2 principal uuid = {idempotency_keys.principal}
-- $3 key text = {idempotency_keys.key}
-- $4 status smallint = 201
-- $5 answer bytea = {hash}
update tenant.idempotency_keys
set status = $4, answer = $5
where tenant_id = $1 and principal = $2 and key = $3
returning principal
