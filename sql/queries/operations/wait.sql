-- It waits, and is not forgotten; answers whether it is still wanted.
-- $2 id uuid = {operations.id}
update tenant.operations
set alive_at = now()
where tenant_id = $1 and id = $2 and status in ('queued', 'running')
returning not cancelling as wanted
