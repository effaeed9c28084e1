-- How a schedule stands; $1 is its name. None, where it is new.
select last_at, firing_at, now() as now, leased_until > clock_timestamp() as led from registry.schedules where name = $1
