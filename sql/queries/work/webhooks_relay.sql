-- Reads up to $5 events after a position ($2, $3, $4) in the order in which they were committed, none past a transaction that has not ended
-- (events/list), and makes a delivery of each for each endpoint that is to be told of it and may be. Ids of deliveries go on in that order,
-- from the microsecond $6. It answers how many were read, how far that is, how many deliveries there are, and for which endpoints.
with recursive types (type) as (
    (select e.type from tenant.events e where e.tenant_id = $1 order by e.type limit 1)
    union all
    select (select e.type from tenant.events e where e.tenant_id = $1 and e.type > y.type order by e.type limit 1)
    from types y where y.type is not null
), horizon as materialized (
    select t.epoch, pg_snapshot_xmin(pg_current_snapshot())::text::bigint as xid from registry.tenants t where t.id = $1
), page as materialized (
    select e.*
    from types y
    cross join lateral (
        select * from tenant.events
        where tenant_id = $1 and type = y.type and (epoch, xid, id) > ($2, $3, $4)
          and (epoch, xid) < ((select h.epoch from horizon h), (select h.xid from horizon h))
        order by epoch, xid, id
        limit $5
    ) e
    where y.type is not null
    order by e.epoch, e.xid, e.id
    limit $5
), told as materialized (
    select w.id as endpoint_id, p.*, $6::bigint + row_number() over (order by p.epoch, p.xid, p.id, w.id) as moment
    from page p
    join tenant.webhook_endpoints w
      on w.tenant_id = $1 and w.state = 'enabled' and (w.event_types = '{}' or p.type = any (w.event_types))
     and p.permission = any (w.permissions) and (p.epoch, p.xid) >= (w.since_epoch, w.since_xid)
), made as (
    insert into tenant.webhook_deliveries (tenant_id, id, endpoint_id, event_id, permission, event_type, payload)
    select $1, registry.id_in_order(t.moment), t.endpoint_id, t.id, t.permission, t.type,
           registry.webhook_message($1, t.id, t.type, t.type_version, t.actor_kind, t.actor_id, t.data, t.created_at)
    from told t
    on conflict (tenant_id, endpoint_id, event_id) do nothing
    returning endpoint_id
)
select (select count(*) from page) as read, l.epoch, l.xid, l.id, (select count(*) from made) as made,
       coalesce((select max(t.moment) from told t), $6) as moment, array(select distinct m.endpoint_id from made m) as endpoints
from (select p.epoch, p.xid, p.id from page p order by p.epoch desc, p.xid desc, p.id desc limit 1) l
