-- What signs now, the newest first.
select id, sealed
from tenant.webhook_secrets
where tenant_id = $1 and endpoint_id = $2 and (expires_at is null or expires_at > now())
order by expires_at desc nulls first
limit 2
