-- The operation of the job that is held runs; no row when it has ended.
update tenant.operations
set status = 'running'
where tenant_id = $1 and id = $2 and status in ('queued', 'running')
returning done, result, cancelling
