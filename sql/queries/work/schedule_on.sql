-- Has come as far as tenant $3, and leads for $4 seconds more; no row where somebody else leads by now.
update registry.schedules
set at_tenant = $3, leased_until = clock_timestamp() + make_interval(secs => $4)
where name = $1 and fence = $2 and firing_at is not null
returning fence
