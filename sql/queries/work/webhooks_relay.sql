-- Reads up to $5 events after a position ($2, $3, $4) in the order in which they were committed, none past a transaction that has not ended
-- (registry.events_after), and makes a delivery of each for each endpoint that is to be told of it and may be. Ids of deliveries go on in that order,
-- from the microsecond $6. It answers how many were read, how far that is, how many deliveries there are, and for which endpoints.
with page as materialized (
    select e.* from registry.events_after($2, $3, $4, $5) e where e.tenant_id = $1
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
