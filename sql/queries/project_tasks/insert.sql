insert into tenant.project_tasks (tenant_id, project_id, id, name, status)
values ($1, $2, $3, $4, $5)
returning id, project_id, name, status, created_at, updated_at, version
