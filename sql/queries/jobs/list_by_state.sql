-- Newest first within one state, off (tenant_id, state, id).
-- The page ends early where $5 bytes of results stand before a row.
-- $2 state text = 'waiting'
-- $3 before uuid = {middle} or {max}
-- $4 rows bigint = {page}
-- $5 bytes bigint = {bytes}
select id, kind, state, priority, run_at, attempts, max_attempts, done, total, result, error_code, error, cancelling, created_by, created_at, updated_at, finished_at, version
from (
    select *, sum(octet_length(result::text)) over (order by id desc rows between unbounded preceding and 1 preceding) as before
    from (
        select id, kind, state, priority, run_at, attempts, max_attempts, done, total, result, error_code, error, cancelling, created_by, created_at, updated_at, finished_at, version
        from tenant.jobs
        where tenant_id = $1 and state = $2 and id < $3
        order by id desc
        limit $4
    ) page
) page
where coalesce(before, 0) < $5
order by id desc
