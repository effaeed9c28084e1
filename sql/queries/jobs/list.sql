-- Newest first, off the primary key.
-- The page ends early where $4 bytes of results stand before a row.
-- $2 before uuid = {middle} or {max}
-- $3 rows bigint = {page}
-- $4 bytes bigint = {bytes}
select id, kind, state, priority, run_at, attempts, max_attempts, done, total, result, error_code, error, cancelling, created_by, created_at, updated_at, finished_at, version
from (
    select *, sum(octet_length(result::text)) over (order by id desc rows between unbounded preceding and 1 preceding) as before
    from (
        select id, kind, state, priority, run_at, attempts, max_attempts, done, total, result, error_code, error, cancelling, created_by, created_at, updated_at, finished_at, version
        from tenant.jobs
        where tenant_id = $1 and id < $2
        order by id desc
        limit $3
    ) page
) page
where coalesce(before, 0) < $4
order by id desc
