-- A thousand deliveries at most that ended more than $2 days ago, with their tries.
with over as materialized (
    select id from tenant.webhook_deliveries
    where tenant_id = $1 and finished_at < now() - make_interval(days => $2)
    order by finished_at limit 1000)
delete from tenant.webhook_deliveries d
using over where d.tenant_id = $1 and d.id = over.id
returning d.id
