-- The secret in use goes on signing for $3 seconds; one that was to sign beside it ends now, so that there are two at most.
-- $2 endpoint_id uuid = {webhook_endpoints.id}
-- $3 seconds float8 = 3600
update tenant.webhook_secrets
set expires_at = case when expires_at is null then now() + make_interval(secs => $3) else now() end
where tenant_id = $1 and endpoint_id = $2 and (expires_at is null or expires_at > now())
