-- Newest first; in a state, of a tenant (slug or id), of a kind, where that is said.
select j.id, j.tenant_id, t.slug as tenant, j.kind, j.state, j.attempts, j.max_attempts, j.run_at, j.lease_until, j.done, j.total, j.error_code, j.error, j.cancelling,
       j.created_at, j.finished_at
from tenant.jobs j join registry.tenants t on t.id = j.tenant_id
where ($1::text is null or j.state = $1) and ($2::text is null or t.slug = $2 or t.id::text = $2) and ($3::text is null or j.kind = $3)
order by j.id desc
limit $4
