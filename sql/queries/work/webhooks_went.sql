-- How it goes with a receiver: well ($3), or since when it has failed.
update tenant.webhook_endpoints
set failing_since = case when $3 then null else coalesce(failing_since, now()) end
where tenant_id = $1 and id = $2 and (failing_since is not null) = $3
