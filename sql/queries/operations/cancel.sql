-- Asks whoever runs it to stop; no row when it has ended. See get for what is interrupted: nobody is there to ask.
update tenant.operations
set cancelling = true
where tenant_id = $1 and id = $2 and status in ('queued', 'running')
returning id, kind, case when status in ('queued', 'running') and alive_at < now() - interval '1 minute' then 'interrupted' else status end as status,
          done, total, result, created_by, created_at, updated_at, finished_at,
          case when status in ('queued', 'running') and alive_at < now() - interval '1 minute' then -version else version end as version
