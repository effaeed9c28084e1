insert into tenant.operations (tenant_id, id, kind, total, created_by)
values ($1, $2, $3, $4, $5)
returning id, kind, status, done, total, result, created_by, created_at, updated_at, finished_at, version, false as silent
