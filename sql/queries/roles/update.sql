-- $3: the versions the caller accepts, null for any. Null in $4 and $5 leaves the field.
-- $2 id uuid = {roles.id}
-- $3 versions bigint[] = null
-- $4 name text = 'taken'
-- $5 permissions text[] = null
update tenant.roles
set name        = coalesce($4, name),
    permissions = coalesce($5, permissions)
where tenant_id = $1 and id = $2 and ($3::bigint[] is null or version = any ($3))
returning id, name, permissions, built_in, created_at, updated_at, version
