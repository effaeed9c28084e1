-- Silent: its runner has not been heard of for a minute. Where it has not ended it is interrupted, then: its process has
-- ended, and what it had not committed is undone.
-- $2 id uuid = {operations.id}
select id, kind, status, done, total, result, created_by, created_at, updated_at, finished_at, version,
       alive_at < now() - interval '1 minute' as silent
from tenant.operations
where tenant_id = $1 and id = $2
