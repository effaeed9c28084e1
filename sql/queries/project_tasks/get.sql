-- $2 project uuid = {project_tasks.project_id}
-- $3 id uuid = {project_tasks.id}
select id, project_id, name, status, created_at, updated_at, version
from tenant.project_tasks
where tenant_id = $1 and project_id = $2 and id = $3
