-- How long the list of a project's tasks is, as far as $3; all of it where that is null.
-- $2 project uuid = {project_tasks.project_id}
-- $3 most bigint = {page}
select count(*) as counted
from (select from tenant.project_tasks where tenant_id = $1 and project_id = $2 limit $3) as listed
