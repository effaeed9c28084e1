-- Newest first, off the primary key. $2 is the id after which the page starts; the first page binds the
-- largest uuid. The predicate stays bare: under RLS only a leakproof operator on a plain parameter may
-- become an index condition.
-- The page ends early where $4 bytes of descriptions stand before a row.
-- $2 before uuid = {middle} or {max}
-- $3 rows bigint = {page}
-- $4 bytes bigint = {bytes}
select id, name, description, status, owner_id, created_at, updated_at, version
from (
    select *, sum(octet_length(description)) over (order by id desc rows between unbounded preceding and 1 preceding) as before
    from (
        select id, name, description, status, owner_id, created_at, updated_at, version
        from tenant.projects
        where tenant_id = $1 and id < $2
        order by id desc
        limit $3
    ) page
) page
where coalesce(before, 0) < $4
order by id desc
