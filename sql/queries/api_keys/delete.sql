-- $2 id uuid = {api_keys.id}
-- $3 versions bigint[] = null
delete from tenant.api_keys
where tenant_id = $1 and id = $2 and ($3::bigint[] is null or version = any ($3))
returning id
