-- $2 project uuid = {project_tasks.project_id}
-- $3 id uuid = {project_tasks.id}
-- $4 versions bigint[] = null
delete from tenant.project_tasks
where tenant_id = $1 and project_id = $2 and id = $3 and ($4::bigint[] is null or version = any ($4))
returning id
