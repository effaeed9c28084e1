-- How long the list of a project's tasks of one status is, as far as $4; see count.
-- $2 project uuid = {project_tasks.project_id}
-- $3 status text = 'open'
-- $4 most bigint = {page}
select count(*) as counted
from (select from tenant.project_tasks where tenant_id = $1 and project_id = $2 and status = $3 limit $4) as listed
