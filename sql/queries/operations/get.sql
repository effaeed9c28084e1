-- Work whose runner has not been heard of for a minute is interrupted: its process has ended, and what it had not
-- committed is undone. That is another version, of which nothing was written down.
select id, kind, case when status in ('queued', 'running') and alive_at < now() - interval '1 minute' then 'interrupted' else status end as status,
       done, total, result, created_by, created_at, updated_at, finished_at,
       case when status in ('queued', 'running') and alive_at < now() - interval '1 minute' then -version else version end as version
from tenant.operations
where tenant_id = $1 and id = $2
