-- How far the operation is, which nobody changes until this transaction has ended: a worker that has lost the job may have been about to.
select done from tenant.operations where tenant_id = $1 and id = $2 and status = 'running' for no key update
