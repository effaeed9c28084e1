-- $2 id uuid = {webhook_endpoints.id}
-- $3 versions bigint[] = null
delete from tenant.webhook_endpoints
where tenant_id = $1 and id = $2 and ($3::bigint[] is null or version = any ($3))
returning id
