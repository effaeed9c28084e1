-- Sends an endpoint nothing more: it is gone ($3), or there have been nothing but failures for $4 days.
update tenant.webhook_endpoints
set state = 'disabled', disabled_why = case when $3 then 'gone' else 'failing' end, disabled_at = now()
where tenant_id = $1 and id = $2 and state = 'enabled' and ($3 or failing_since < now() - make_interval(days => $4))
returning id
