-- Tasks done and done still. From $2 to $3, by $4, $5 buckets at most. Each is a stretch of (tenant_id, done_at).
-- $2 from date = null
-- $3 to date = null
-- $4 by text = 'day'
-- $5 most integer = 401
-- plan: index only
select b.start, n.value, b.first, b.last, b.time_zone, now() as as_of
from registry.dashboard_buckets($2, $3, $4, $5) b
cross join lateral (
    select count(*) as value
    from tenant.project_tasks x
    where x.tenant_id = $1 and x.done_at >= b.begins and x.done_at < b.ends
) n
order by b.start
