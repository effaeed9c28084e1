-- A thousand jobs at most that ended more than $2 days ago.
with over as materialized (
    select id from tenant.jobs
    where tenant_id = $1 and finished_at < now() - make_interval(days => $2)
    order by finished_at limit 1000)
delete from tenant.jobs j
using over where j.tenant_id = $1 and j.id = over.id
returning j.id
