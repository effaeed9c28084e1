-- The first moment of a day where a clock shows this time zone's time. Not always one midnight: where clocks are set
-- back over it (the Azores in October) midnight comes twice, and the day begins with the first; where they are set
-- forward over it (Brazil until 2018) it does not come, and the day begins with what comes instead.
create or replace function registry.day_begins(day date, zone text) returns timestamptz
    language plpgsql immutable parallel safe set search_path = ''
as $$
declare
    -- PostgreSQL takes the second of two.
    midnight timestamptz := day::timestamp at time zone zone;
    -- By the clock of the day before.
    earlier timestamptz := (day::timestamp - ((midnight - interval '1 day') at time zone zone
                            - (midnight - interval '1 day') at time zone 'UTC')) at time zone 'UTC';
begin
    return case when (earlier at time zone zone)::date = day then least(earlier, midnight) else midnight end;
end
$$;
alter function registry.day_begins(date, text) owner to rowhouse_owner;
revoke all on function registry.day_begins(date, text) from public;
grant execute on function registry.day_begins(date, text) to rowhouse_api;
