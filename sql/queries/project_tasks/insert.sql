-- $2 project uuid = {project_tasks.project_id}
-- $3 id uuid = {new}
-- $4 name text = 'planted'
-- $5 status text = 'open'
insert into tenant.project_tasks (tenant_id, project_id, id, name, status)
values ($1, $2, $3, $4, $5)
returning id, project_id, name, status, created_at, updated_at, version
