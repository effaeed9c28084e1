-- Newest first, off the primary key. See get for what is interrupted.
select id, kind, case when status in ('queued', 'running') and alive_at < now() - interval '1 minute' then 'interrupted' else status end as status,
       done, total, result, created_by, created_at, updated_at, finished_at,
       case when status in ('queued', 'running') and alive_at < now() - interval '1 minute' then -version else version end as version
from tenant.operations
where tenant_id = $1 and id < $2
order by id desc
limit $3
