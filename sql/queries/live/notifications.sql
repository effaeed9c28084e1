-- A member's notifications after a position, in the order of the transactions that told them, off the index. What is not settled was told by a
-- transaction that began after one that has not ended (events/list): it stands there to be waited for, and is not told yet.
-- $2 user uuid = {caller}
-- $3 epoch bigint = 1 or 0
-- $4 xid bigint = 1 or 0
-- $5 id uuid = {middle} or '00000000-0000-0000-0000-000000000000'
-- $6 rows bigint = {page}
select id, kind, title, body, link, data, read_at, created_at, epoch, xid,
       (epoch, xid) < ((select registry.present_epoch()), (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint)) as settled
from tenant.notifications
where tenant_id = $1 and user_id = $2 and (epoch, xid, id) > ($3, $4, $5)
order by epoch, xid, id
limit $6
