-- Ends a job that is held under this lease.
update tenant.jobs
set state = 'succeeded', lease = null, lease_until = null, finished_at = now(), result = $4, done = $5, total = coalesce($6, total),
    error_code = null, error = null
where tenant_id = $1 and id = $2 and lease = $3 and state = 'running' and lease_until > clock_timestamp()
returning id
