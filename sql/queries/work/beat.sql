-- Says that jobs are under way, for $4 seconds more, and how far they are. Those that do not come back are held no longer.
update tenant.jobs j
set lease_until = clock_timestamp() + make_interval(secs => $4), alive_at = clock_timestamp(), done = held.done, total = coalesce(held.total, j.total)
from unnest($2::uuid[], $3::uuid[], $5::bigint[], $6::bigint[]) as held (id, lease, done, total)
where j.tenant_id = $1 and j.id = held.id and j.lease = held.lease and j.state = 'running' and j.lease_until > clock_timestamp()
returning j.id, j.cancelling
