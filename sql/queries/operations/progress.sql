-- It runs, has done so much, and its runner is alive; answers whether it is to go on.
-- $2 id uuid = {operations.id}
-- $3 done bigint = 7
update tenant.operations
set status = 'running', done = $3, alive_at = now()
where tenant_id = $1 and id = $2 and status in ('queued', 'running')
returning not cancelling as wanted
