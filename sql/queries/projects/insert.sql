insert into tenant.projects (tenant_id, id, name, description, status, owner_id)
values ($1, $2, $3, $4, $5, $6)
returning id, name, description, status, owner_id, created_at, updated_at, version
