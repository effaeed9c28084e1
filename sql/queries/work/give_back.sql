-- Gives jobs back that were not done, so that they are due at once; the attempt does not count. What was to be cancelled is.
update tenant.jobs j
set state = case when j.cancelling then 'cancelled' else 'waiting' end, finished_at = case when j.cancelling then now() end,
    run_at = clock_timestamp(), lease = null, lease_until = null, attempts = greatest(j.attempts - 1, 0)
from unnest($2::uuid[], $3::uuid[]) as held (id, lease)
where j.tenant_id = $1 and j.id = held.id and j.lease = held.lease and j.state = 'running'
returning j.id
