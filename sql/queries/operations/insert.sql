-- Done by the job with its id, which the same transaction writes down.
-- $2 id uuid = {new}
-- $3 kind text = 'products.import'
-- $4 created_by uuid = null
insert into tenant.operations (tenant_id, id, kind, created_by, alive_at)
values ($1, $2, $3, $4, 'infinity')
returning id, kind, status, done, total, result, created_by, created_at, updated_at, finished_at, version, false as silent
