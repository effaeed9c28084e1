-- How far the operation is, and what it came to so far; answers whether it is to go on.
update tenant.operations
set done = $3, result = $4
where tenant_id = $1 and id = $2 and status = 'running'
returning not cancelling as wanted
