-- Whoever is to read a tenant's events for webhooks does so now, whatever time was said for it.
update tenant.jobs
set run_at = clock_timestamp()
where tenant_id = $1 and unique_key = $2 and kind = 'webhooks.relay' and state = 'waiting' and run_at > clock_timestamp()
