-- Door: the tenants that have webhook endpoints, in order of their ids, after one; and which of them have events that were not read for webhooks
-- yet and can be. Of all tenants, or of those in `only`.
-- Why a door: no role that works sees more than one tenant, and whoever writes an event tells nobody (docs/adr/0030). An id opens nothing: what
-- is done in a tenant is done behind its wall.
create or replace function registry.webhooks_behind(only_of uuid[], after uuid, most integer) returns table (tenant_id uuid, behind boolean)
    language plpgsql stable security definer set search_path = ''
as $$
declare
    settled constant bigint := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
begin
    if current_setting('app.tenant_id') <> '' then
        raise exception using errcode = 'RH005', message = 'for transactions outside any tenant';
    end if;
    return query
        select w.id, exists (
            -- From type to type, as the primary key has them; each read no further than its first.
            with recursive types (type) as (
                (select e.type from tenant.events e where e.tenant_id = w.id order by e.type limit 1)
                union all
                select (select e.type from tenant.events e where e.tenant_id = w.id and e.type > y.type order by e.type limit 1)
                from types y where y.type is not null)
            select from types y
            where y.type is not null and exists (
                select from tenant.events e
                where e.tenant_id = w.id and e.type = y.type and (e.epoch, e.xid) < (t.epoch, settled)
                  and (e.epoch, e.xid, e.id)
                      > (coalesce(c.epoch, 0), coalesce(c.xid, 0), coalesce(c.event_id, '00000000-0000-0000-0000-000000000000'))))
        from (select distinct p.tenant_id as id from tenant.webhook_endpoints p
              where p.state = 'enabled' and p.tenant_id > after and (only_of is null or p.tenant_id = any (only_of))
              order by 1 limit least(most, 1000)) w
        join registry.tenants t on t.id = w.id and t.status in ('trial', 'active')
        left join tenant.event_consumers c on c.tenant_id = w.id and c.consumer = 'webhooks'
        order by w.id;
end
$$;
alter function registry.webhooks_behind(uuid[], uuid, integer) owner to rowhouse_tenancy;
revoke all on function registry.webhooks_behind(uuid[], uuid, integer) from public;
grant execute on function registry.webhooks_behind(uuid[], uuid, integer) to rowhouse_worker;
comment on function registry.webhooks_behind(uuid[], uuid, integer) is
    'Whoever writes an event tells nobody; the worker learns which tenants have some to be sent, and their ids open nothing.';
