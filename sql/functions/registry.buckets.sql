-- The days, weeks or months from one day to another, both among them, as a clock in this time zone shows them: the day
-- each begins with, and its first moment and the first after it. Of the first and the last what lies outside the two
-- days is left off. Ends after `most`, however far the other day lies.
create or replace function registry.buckets(
        first_day date, last_day date, step text, week_starts text, zone text, most integer)
    returns table (start date, begins timestamptz, ends timestamptz)
    language plpgsql immutable parallel safe rows 30 set search_path = ''
as $$
declare
    width interval := '1 ' || step;
    following date;
begin
    start := case step
        when 'day' then first_day
        when 'month' then date_trunc('month', first_day::timestamp)::date
        when 'week' then first_day - case week_starts
            when 'sunday' then extract(dow from first_day)::integer
            else extract(isodow from first_day)::integer - 1 end
    end;
    begins := registry.day_begins(first_day, zone);
    while start <= last_day and most > 0 loop
        following := (start + width)::date;
        ends := registry.day_begins(least(following, last_day + 1), zone);
        return next;
        start := following;
        begins := ends;
        most := most - 1;
    end loop;
end
$$;
alter function registry.buckets(date, date, text, text, text, integer) owner to rowhouse_owner;
revoke all on function registry.buckets(date, date, text, text, text, integer) from public;
grant execute on function registry.buckets(date, date, text, text, text, integer) to rowhouse_api;
