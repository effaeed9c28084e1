-- $4: the versions the caller accepts, null for any. Null in $5 and $6 leaves the field.
-- $2 project uuid = {project_tasks.project_id}
-- $3 id uuid = {project_tasks.id}
-- $4 versions bigint[] = null
-- $5 name text = 'taken'
-- $6 status text = 'done'
update tenant.project_tasks
set name   = coalesce($5, name),
    status = coalesce($6, status)
where tenant_id = $1 and project_id = $2 and id = $3 and ($4::bigint[] is null or version = any ($4))
returning id, project_id, name, status, created_at, updated_at, version
