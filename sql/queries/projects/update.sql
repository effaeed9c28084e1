-- $3: the versions the caller accepts, null for any. Null in $4 and $7 leaves the field; the fields that
-- can be cleared have a flag beside their value.
update tenant.projects
set name        = coalesce($4, name),
    description = case when $5 then $6 else description end,
    status      = coalesce($7, status),
    owner_id    = case when $8 then $9 else owner_id end
where tenant_id = $1 and id = $2 and ($3::bigint[] is null or version = any ($3))
returning id, name, description, status, owner_id, created_at, updated_at, version
