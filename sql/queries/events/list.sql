-- Events after a position, in the order of the transactions that told them, off the primary key. None of a transaction that began
-- after one that has not ended: that one may tell something yet, and whoever had read on would miss it.
-- $2 epoch bigint = 1 or 0
-- $3 xid bigint = 1 or 0
-- $4 id uuid = {middle} or '00000000-0000-0000-0000-000000000000'
-- $5 rows bigint = {page}
select epoch, xid, id, type, type_version, actor_kind, actor_id, data, created_at
from tenant.events
where tenant_id = $1 and (epoch, xid, id) > ($2, $3, $4)
  and (epoch, xid) < ((select registry.present_epoch()), (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint))
order by epoch, xid, id
limit $5
