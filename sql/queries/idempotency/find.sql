-- What was answered.
-- $2 principal uuid = {idempotency_keys.principal}
-- $3 key text = {idempotency_keys.key}
-- $4 fingerprint bytea = {hash}
-- plan: skip: one row, by its primary key
select case when fingerprint = $4 then 'again' else 'reused' end as outcome, status, answer
from tenant.idempotency_keys
where tenant_id = $1 and principal = $2 and key = $3 and expires_at > now()
