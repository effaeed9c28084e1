-- Whether there is a place for one more file: asked before it is received.
-- plan: skip: counts three rows at most, off the primary key
select count(*) < 3 as room from tenant.operation_files where tenant_id = $1
