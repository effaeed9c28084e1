-- What the figures of a tenant go by: its clock, its calendar, and when stock is low. Not a door: the settings are read
-- behind their policy. dashboard:read is asked for here, before anything else is looked at.
create or replace function registry.dashboard_clock(
        out tenant_id uuid, out time_zone text, out week_starts text, out low_stock_threshold integer)
    language plpgsql stable parallel safe set search_path = ''
as $$
begin
    tenant_id := registry.require('dashboard:read');
    select s.time_zone, s.week_starts, s.low_stock_threshold into strict time_zone, week_starts, low_stock_threshold
    from tenant.settings s where s.tenant_id = dashboard_clock.tenant_id;
end
$$;
alter function registry.dashboard_clock() owner to rowhouse_owner;
revoke all on function registry.dashboard_clock() from public;
grant execute on function registry.dashboard_clock() to rowhouse_api;
