-- What is to be read.
select bytes, sha256 from tenant.operation_files where tenant_id = $1 and operation_id = $2
