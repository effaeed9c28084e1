-- A job, of a tenant (slug or id) where that is said.
select j.id, j.tenant_id, t.slug as tenant, j.kind, j.state, j.attempts, j.max_attempts, j.run_at, j.lease_until, j.done, j.total, j.error_code, j.error, j.cancelling,
       j.created_at, j.finished_at
from tenant.jobs j join registry.tenants t on t.id = j.tenant_id
where j.id = $1 and ($2::text is null or t.slug = $2 or t.id::text = $2)
