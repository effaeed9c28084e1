-- A thousand events at most that are older than $2 days: of each type the first that are read, off the key. How far they are gone is
-- written down with it, since whoever has not read so far may miss some.
with recursive types as (
    (select type from tenant.events where tenant_id = $1 order by type limit 1)
    union all
    select (select e.type from tenant.events e where e.tenant_id = $1 and e.type > t.type order by e.type limit 1)
    from types t where t.type is not null),
over as materialized (
    select o.type, o.epoch, o.xid, o.id from types t
    cross join lateral (
        select e.type, e.epoch, e.xid, e.id, e.created_at from tenant.events e
        where e.tenant_id = $1 and e.type = t.type
        order by e.epoch, e.xid, e.id limit 1000) o
    where o.created_at < now() - make_interval(days => $2)
    limit 1000),
gone as (
    delete from tenant.events e
    using over o where e.tenant_id = $1 and e.type = o.type and e.epoch = o.epoch and e.xid = o.xid and e.id = o.id
    returning e.epoch, e.xid, e.id),
floor as (
    insert into tenant.event_floors as f (tenant_id, epoch, xid, event_id)
    select $1, g.epoch, g.xid, g.id from gone g order by g.epoch desc, g.xid desc, g.id desc limit 1
    on conflict (tenant_id) do update set epoch = excluded.epoch, xid = excluded.xid, event_id = excluded.event_id
    where (f.epoch, f.xid, f.event_id) < (excluded.epoch, excluded.xid, excluded.event_id))
select id from gone
