-- Asks whoever runs it to stop; no row when it has ended. Nobody is there to ask where it is silent (get).
-- $2 id uuid = {operations.id}
update tenant.operations
set cancelling = true
where tenant_id = $1 and id = $2 and status in ('queued', 'running')
returning id, kind, status, done, total, result, created_by, created_at, updated_at, finished_at, version,
          alive_at < now() - interval '1 minute' as silent
