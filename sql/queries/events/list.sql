-- Events of some types ($5, with the permission that each asks for in $6) after a position, in the order of the transactions that told them: a
-- page of each type off events_type_idx, and of those the first. None of a transaction that began after one that has not ended: that one may
-- tell something yet, and whoever had read on would miss it.
-- Types that the caller may not read are left out before any of theirs is looked at; the policy would let none of them through.
-- $2 epoch bigint = 1 or 0
-- $3 xid bigint = 1 or 0
-- $4 id uuid = {middle} or '00000000-0000-0000-0000-000000000000'
-- $5 types text[] = array['project.created']
-- $6 permissions text[] = array['projects:read']
-- $7 rows bigint = {page}
-- plan: sorts its page
select e.epoch, e.xid, e.id, e.type, e.type_version, e.actor_kind, e.actor_id, e.data, e.created_at
from unnest($5::text[], $6::text[]) as asked (type, permission)
cross join lateral (
    select *
    from tenant.events
    where tenant_id = $1 and type = asked.type and (epoch, xid, id) > ($2, $3, $4)
      and (epoch, xid) < ((select registry.present_epoch()), (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint))
    order by epoch, xid, id
    limit $7
) e
where asked.permission = any ((select registry.caller_permissions())::text[])
order by e.epoch, e.xid, e.id
limit $7
