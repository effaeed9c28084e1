-- Events of some types after a position, as events/list has them; and what is not settled, to be waited for and not to be told yet.
-- $2 epoch bigint = 1 or 0
-- $3 xid bigint = 1 or 0
-- $4 id uuid = {middle} or '00000000-0000-0000-0000-000000000000'
-- $5 types text[] = array['project.created']
-- $6 permissions text[] = array['projects:read']
-- $7 rows bigint = {page}
-- plan: sorts its page
select e.epoch, e.xid, e.id, e.type, e.type_version, e.actor_kind, e.actor_id, e.data, e.created_at,
       (e.epoch, e.xid) < ((select registry.present_epoch()), (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint)) as settled
from unnest($5::text[], $6::text[]) as asked (type, permission)
cross join lateral (
    select *
    from tenant.events
    where tenant_id = $1 and type = asked.type and (epoch, xid, id) > ($2, $3, $4)
    order by epoch, xid, id
    limit $7
) e
where asked.permission = any ((select registry.caller_permissions())::text[])
order by e.epoch, e.xid, e.id
limit $7
