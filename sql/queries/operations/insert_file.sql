-- Where there is a place: a tenant has three. Without one there is no row, and no piece of it can be written (operation_chunks_file_fkey).
-- $2 operation_id uuid = {operations.id}
-- $3 bytes bigint = 7
-- $4 sha256 bytea = sha256('x')
insert into tenant.operation_files (tenant_id, operation_id, bytes, sha256)
select $1, $2, $3, $4
where (select count(*) from tenant.operation_files f where f.tenant_id = $1) < 3
returning operation_id
