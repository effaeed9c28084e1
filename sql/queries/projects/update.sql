-- $3: the versions the caller accepts, null for any. Null in $4 and $7 leaves the field; the fields that
-- can be cleared have a flag beside their value.
-- $2 id uuid = {projects.id}
-- $3 versions bigint[] = null
-- $4 name text = 'taken'
-- $5 sets_description boolean = true
-- $6 description text = 'over'
-- $7 status text = 'paused'
-- $8 sets_owner boolean = false
-- $9 owner uuid = null
update tenant.projects
set name        = coalesce($4, name),
    description = case when $5 then $6 else description end,
    status      = coalesce($7, status),
    owner_id    = case when $8 then $9 else owner_id end
where tenant_id = $1 and id = $2 and ($3::bigint[] is null or version = any ($3))
returning id, name, description, status, owner_id, created_at, updated_at, version
