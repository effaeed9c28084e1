-- By name, off (tenant_id, project_id, name, id); see list_newest. Names repeat, so the id decides.
-- $2 project uuid = {project_tasks.project_id}
-- $3 after text = 'task 250' or ''
-- $4 after_id uuid = {middle} or {nil}
-- $5 rows bigint = {page}
-- plan: sorts its page
with page as (
    select id, project_id, name, status, created_at, updated_at, version
    from tenant.project_tasks
    where tenant_id = $1 and project_id = $2 and (name, id) > ($3, $4)
    order by name, id
    limit $5
)
select page.id, page.project_id, page.name, page.status, page.created_at, page.updated_at, page.version
from tenant.projects p
left join page on true
where p.tenant_id = $1 and p.id = $2
order by page.name, page.id
