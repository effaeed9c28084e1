-- What was answered, for whoever has to know before they begin.
select case when fingerprint = $4 then 'again' else 'reused' end as outcome, status, answer
from tenant.idempotency_keys
where tenant_id = $1 and principal = $2 and key = $3 and expires_at > now()
