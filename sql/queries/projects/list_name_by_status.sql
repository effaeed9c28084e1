-- By name within one status, off (tenant_id, status, name).
-- The page ends early where $5 bytes of descriptions stand before a row.
-- $2 status text = 'active'
-- $3 after text = 'project 1000' or ''
-- $4 rows bigint = {page}
-- $5 bytes bigint = {bytes}
select id, name, description, status, owner_id, created_at, updated_at, version
from (
    select *, sum(octet_length(description)) over (order by name rows between unbounded preceding and 1 preceding) as before
    from (
        select id, name, description, status, owner_id, created_at, updated_at, version
        from tenant.projects
        where tenant_id = $1 and status = $2 and name > $3
        order by name
        limit $4
    ) page
) page
where coalesce(before, 0) < $5
order by name
