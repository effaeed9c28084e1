-- Leads schedule $1, for what was due at $2, for $4 seconds; no row where somebody else does, or has since it was looked at ($3).
update registry.schedules
set firing_at = $2, at_tenant = coalesce(at_tenant, '00000000-0000-0000-0000-000000000000'), fence = fence + 1,
    leased_until = clock_timestamp() + make_interval(secs => $4)
where name = $1 and last_at = $3 and (firing_at is null or firing_at = $2)
  and (leased_until is null or leased_until <= clock_timestamp())
returning fence, at_tenant
