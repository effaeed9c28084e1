-- By name within one status, off (tenant_id, project_id, status, name, id); see list_name.
-- $2 project uuid = {project_tasks.project_id}
-- $3 status text = 'open'
-- $4 after text = 'task 250' or ''
-- $5 after_id uuid = {middle} or {nil}
-- $6 rows bigint = {page}
-- plan: sorts its page
with page as (
    select id, project_id, name, status, created_at, updated_at, version
    from tenant.project_tasks
    where tenant_id = $1 and project_id = $2 and status = $3 and (name, id) > ($4, $5)
    order by name, id
    limit $6
)
select page.id, page.project_id, page.name, page.status, page.created_at, page.updated_at, page.version
from tenant.projects p
left join page on true
where p.tenant_id = $1 and p.id = $2
order by page.name, page.id
