-- $1 user uuid
-- $2 key text
-- $3 fingerprint bytea
select case when fingerprint = $3 then 'again' else 'reused' end as outcome, status, answer
from registry.idempotency_keys
where user_id = $1 and key = $2 and expires_at > now()
