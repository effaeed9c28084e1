-- Not a door, it reads nothing: the end of the period in which a moment lies, of those that follow one another from an anchor, by the calendar of UTC. Reckoned
-- from the anchor and not from the period before: whoever begins on the 31st of January pays on the last of February and on the 31st of March.
create or replace function registry.period_end(anchor timestamptz, period text, moment timestamptz) returns timestamptz
    language plpgsql immutable parallel safe set search_path = ''
as $$
declare
    months constant integer := case period when 'year' then 12 else 1 end;
    begins constant timestamp := anchor at time zone 'UTC';
    wanted constant timestamp := moment at time zone 'UTC';
    -- As many whole periods as have passed for certain, and then on.
    n integer := greatest(0, ((extract(year from wanted) - extract(year from begins)) * 12 + extract(month from wanted) - extract(month from begins))::integer / months - 1);
begin
    while begins + make_interval(months => n * months) <= wanted loop
        n := n + 1;
    end loop;
    return (begins + make_interval(months => greatest(n, 1) * months)) at time zone 'UTC';
end
$$;
alter function registry.period_end(timestamptz, text, timestamptz) owner to rowhouse_owner;
revoke all on function registry.period_end(timestamptz, text, timestamptz) from public;
grant execute on function registry.period_end(timestamptz, text, timestamptz) to rowhouse_billing;
