-- Without its payload, which may hold what is for the worker alone.
-- $2 id uuid = {jobs.id}
select id, kind, state, priority, run_at, attempts, max_attempts, done, total, result, error_code, error, cancelling, created_by, created_at, updated_at, finished_at, version
from tenant.jobs
where tenant_id = $1 and id = $2
