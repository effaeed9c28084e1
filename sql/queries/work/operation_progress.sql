-- How far the operation is, and what it came to so far; answers whether it is to go on. No row where it has ended, or is not as far as $5 any more: a
-- worker that has lost the job may have been about to do the same.
update tenant.operations
set done = $3, result = $4
where tenant_id = $1 and id = $2 and status = 'running' and ($5::bigint is null or done = $5)
returning not cancelling as wanted
