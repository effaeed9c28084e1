-- Whether the operation is to go on; no row when it has ended.
select not cancelling as wanted from tenant.operations where tenant_id = $1 and id = $2 and status = 'running'
