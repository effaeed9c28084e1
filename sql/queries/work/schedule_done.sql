-- All of it is begun: what was due until $3 has been seen to.
update registry.schedules
set last_at = $3, firing_at = null, at_tenant = null, leased_until = null
where name = $1 and fence = $2 and firing_at is not null
returning fence
