-- Newest first, off (tenant_id, project_id, id). One row without a task says that the project is there
-- and the page is empty; no row says that there is no such project.
-- $2 project uuid = {project_tasks.project_id}
-- $3 before uuid = {middle} or {max}
-- $4 rows bigint = {page}
-- plan: sorts its page
with page as (
    select id, project_id, name, status, created_at, updated_at, version
    from tenant.project_tasks
    where tenant_id = $1 and project_id = $2 and id < $3
    order by id desc
    limit $4
)
select page.id, page.project_id, page.name, page.status, page.created_at, page.updated_at, page.version
from tenant.projects p
left join page on true
where p.tenant_id = $1 and p.id = $2
order by page.id desc
