-- $2 id uuid = {operations.id}
-- $3 status text = 'failed'
-- $4 done bigint = 7
-- $5 result jsonb = '{}'
update tenant.operations
set status = $3, done = $4, result = $5, alive_at = clock_timestamp(), finished_at = clock_timestamp()
where tenant_id = $1 and id = $2 and status in ('queued', 'running')
returning id
