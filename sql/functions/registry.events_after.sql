-- Not a door: runs with the caller's rights, behind the wall of the tenant that is set. Up to `most` events after a position, of whatever type, in the order in
-- which they were committed, none past a transaction that has not ended: that one may tell something yet, and whoever had read on would miss it
-- (docs/adr/0026). A page of each type off events_type_idx, and of those the first.
create or replace function registry.events_after(after_epoch bigint, after_xid bigint, after_id uuid, most bigint) returns setof tenant.events
    language sql stable set search_path = ''
as $$
    with recursive types (type) as (
        (select e.type from tenant.events e where e.tenant_id = current_setting('app.tenant_id')::uuid order by e.type limit 1)
        union all
        select (select e.type from tenant.events e
                where e.tenant_id = current_setting('app.tenant_id')::uuid and e.type > y.type order by e.type limit 1)
        from types y where y.type is not null
    ), horizon as materialized (
        select t.epoch, pg_snapshot_xmin(pg_current_snapshot())::text::bigint as xid
        from registry.tenants t where t.id = current_setting('app.tenant_id')::uuid
    )
    select e.*
    from types y
    cross join lateral (
        select * from tenant.events
        where tenant_id = current_setting('app.tenant_id')::uuid and type = y.type and (epoch, xid, id) > (after_epoch, after_xid, after_id)
          and (epoch, xid) < ((select h.epoch from horizon h), (select h.xid from horizon h))
        order by epoch, xid, id
        limit most
    ) e
    where y.type is not null
    order by e.epoch, e.xid, e.id
    limit most
$$;
alter function registry.events_after(bigint, bigint, uuid, bigint) owner to rowhouse_owner;
revoke all on function registry.events_after(bigint, bigint, uuid, bigint) from public;
grant execute on function registry.events_after(bigint, bigint, uuid, bigint) to rowhouse_worker;
