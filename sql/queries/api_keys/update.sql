-- $3: the versions the caller accepts, null for any. Null in $4 leaves the name; the expiry has a flag beside it.
-- $2 id uuid = {api_keys.id}
-- $3 versions bigint[] = null
-- $4 name text = 'taken'
-- $5 sets_expiry boolean = false
-- $6 expires_at timestamptz = null
update tenant.api_keys
set name       = coalesce($4, name),
    expires_at = case when $5 then $6 else expires_at end
where tenant_id = $1 and id = $2 and ($3::bigint[] is null or version = any ($3))
returning id, name, permissions, hint, created_by, expires_at, last_used_at, previous_until, created_at, updated_at, version
