-- Has a job run at once: one that waits, or that has ended without success, which then has all its attempts again. No row: it is running
-- or has succeeded.
-- $2 id uuid = {jobs.id}
update tenant.jobs
set state = 'waiting', run_at = now(), attempts = case when finished_at is null then attempts else 0 end, cancelling = false,
    error_code = null, error = null, finished_at = null
where tenant_id = $1 and id = $2 and state in ('waiting', 'dead', 'cancelled', 'discarded')
returning id
