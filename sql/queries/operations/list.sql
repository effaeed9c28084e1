-- Newest first, off the primary key.
-- The page ends early where $4 bytes of results stand before a row.
-- $2 before uuid = {middle} or {max}
-- $3 rows bigint = {page}
-- $4 bytes bigint = {bytes}
select id, kind, status, done, total, result, created_by, created_at, updated_at, finished_at, version, silent
from (
    select *, sum(octet_length(result::text)) over (order by id desc rows between unbounded preceding and 1 preceding) as before
    from (
        select id, kind, status, done, total, result, created_by, created_at, updated_at, finished_at, version,
               alive_at < now() - interval '1 minute' as silent
        from tenant.operations
        where tenant_id = $1 and id < $2
        order by id desc
        limit $3
    ) page
) page
where coalesce(before, 0) < $4
order by id desc
