-- The days, weeks or months of a series of the dashboard, by the tenant's clock and calendar. Without a last day it is
-- today, or the first where that is still to come; without a first, the thirtieth from the last.
create or replace function registry.dashboard_buckets(first_day date, last_day date, step text, most integer)
    returns table (start date, begins timestamptz, ends timestamptz, first date, last date, time_zone text)
    language plpgsql stable parallel safe rows 30 set search_path = ''
as $$
declare
    clock record := registry.dashboard_clock();
begin
    time_zone := clock.time_zone;
    last := coalesce(last_day, greatest((now() at time zone time_zone)::date, first_day));
    first := coalesce(first_day, last - 29);
    for start, begins, ends in
        select b.start, b.begins, b.ends from registry.buckets(first, last, step, clock.week_starts, time_zone, most) b
    loop
        return next;
    end loop;
end
$$;
alter function registry.dashboard_buckets(date, date, text, integer) owner to rowhouse_owner;
revoke all on function registry.dashboard_buckets(date, date, text, integer) from public;
grant execute on function registry.dashboard_buckets(date, date, text, integer) to rowhouse_api;
