-- A piece of it.
select data from tenant.operation_chunks where tenant_id = $1 and operation_id = $2 and number = $3
