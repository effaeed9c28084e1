-- Reads up to $6 events after a position ($3, $4, $5), and of those that were told from $8 on and before $9 has sent to endpoint $2 what it may
-- be told: what was not delivered, or all of it ($10). What has a delivery is sent by that; ids of others go on from the microsecond $7.
with page as materialized (
    select e.* from registry.events_after($3, $4, $5, $6) e where e.tenant_id = $1
), told as materialized (
    select p.*, $7::bigint + row_number() over (order by p.epoch, p.xid, p.id) as moment
    from page p
    join tenant.webhook_endpoints w
      on w.tenant_id = $1 and w.id = $2 and (w.event_types = '{}' or p.type = any (w.event_types)) and p.permission = any (w.permissions)
    where p.created_at >= $8 and p.created_at < $9
), again as (
    update tenant.webhook_deliveries d
    set state = 'waiting', attempts = 0, next_at = clock_timestamp(), finished_at = null
    from told t
    where d.tenant_id = $1 and d.endpoint_id = $2 and d.event_id = t.id and ($10 or d.state <> 'delivered')
    returning d.id
), made as (
    insert into tenant.webhook_deliveries (tenant_id, id, endpoint_id, event_id, permission, event_type, payload)
    select $1, registry.id_in_order(t.moment), $2, t.id, t.permission, t.type,
           registry.webhook_message($1, t.id, t.type, t.type_version, t.actor_kind, t.actor_id, t.data, t.created_at)
    from told t
    on conflict (tenant_id, endpoint_id, event_id) do nothing
    returning id
)
select (select count(*) from page) as read, l.epoch, l.xid, l.id,
       (select count(*) from made) + (select count(*) from again) as made, coalesce((select max(t.moment) from told t), $7) as moment
from (select p.epoch, p.xid, p.id from page p order by p.epoch desc, p.xid desc, p.id desc limit 1) l
