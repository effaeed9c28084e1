-- $2 id uuid = {new}
-- $3 kind text = 'products.import'
-- $4 total bigint = null
-- $5 created_by uuid = null
insert into tenant.operations (tenant_id, id, kind, total, created_by)
values ($1, $2, $3, $4, $5)
returning id, kind, status, done, total, result, created_by, created_at, updated_at, finished_at, version, false as silent
