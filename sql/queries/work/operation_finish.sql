-- Ends the operation.
update tenant.operations
set status = $3, done = $4, result = $5, finished_at = clock_timestamp()
where tenant_id = $1 and id = $2 and status in ('queued', 'running')
returning id
