-- Not a door, it reads nothing: what of a period's price is for the rest of the period, from a moment on; to the minor unit, half of one away from zero.
create or replace function registry.prorated(amount_minor bigint, period_starts timestamptz, period_ends timestamptz, moment timestamptz) returns bigint
    language sql immutable parallel safe set search_path = ''
as $$
    select case when period_ends is null or period_ends <= period_starts then 0
                else round(amount_minor * greatest(0, least(1, extract(epoch from period_ends - moment) / extract(epoch from period_ends - period_starts))))::bigint end
$$;
alter function registry.prorated(bigint, timestamptz, timestamptz, timestamptz) owner to rowhouse_owner;
revoke all on function registry.prorated(bigint, timestamptz, timestamptz, timestamptz) from public;
grant execute on function registry.prorated(bigint, timestamptz, timestamptz, timestamptz) to rowhouse_billing;
