-- Writes down that an attempt has failed. It is tried again after $6 seconds; null is never. What was to be cancelled is.
update tenant.jobs
set state = case when cancelling or $4 = 'cancelled' then 'cancelled' when $6::float8 is null or attempts >= max_attempts then 'dead' else 'waiting' end,
    finished_at = case when cancelling or $4 = 'cancelled' or $6::float8 is null or attempts >= max_attempts then now() end,
    run_at = clock_timestamp() + make_interval(secs => coalesce($6, 0)),
    lease = null, lease_until = null, error_code = $4, error = $5
where tenant_id = $1 and id = $2 and lease = $3 and state = 'running' and lease_until > clock_timestamp()
returning state
