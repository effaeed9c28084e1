-- Those that ended a month ago: until then they are not taken once more.
-- $2 endpoint_id uuid = {webhook_endpoints.id}
delete from tenant.webhook_secrets
where tenant_id = $1 and endpoint_id = $2 and expires_at < now() - interval '30 days'
