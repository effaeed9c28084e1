-- The same, of some types alone.
-- $2 epoch bigint = 1 or 0
-- $3 xid bigint = 1 or 0
-- $4 id uuid = {middle} or '00000000-0000-0000-0000-000000000000'
-- $5 types text[] = array['project.created']
-- $6 rows bigint = {page}
-- plan: skip: it reads past events of other types, of which each is read past once, since a reader goes on behind them
select epoch, xid, id, type, type_version, actor_kind, actor_id, data, created_at
from tenant.events
where tenant_id = $1 and (epoch, xid, id) > ($2, $3, $4)
  and (epoch, xid) < ((select registry.present_epoch()), (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint))
  and type = any ($5)
order by epoch, xid, id
limit $6
