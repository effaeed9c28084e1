-- Newest first, off the primary key.
select id, kind, status, done, total, result, created_by, created_at, updated_at, finished_at, version,
       alive_at < now() - interval '1 minute' as silent
from tenant.operations
where tenant_id = $1 and id < $2
order by id desc
limit $3
