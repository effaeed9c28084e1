-- $2 operation_id uuid = {operation_files.operation_id}
-- $3 number integer = 7
-- $4 data bytea = 'x'
insert into tenant.operation_chunks (tenant_id, operation_id, number, data)
values ($1, $2, $3, $4)
