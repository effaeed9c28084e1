-- By name, off the unique key: within a tenant a name is one project's alone, so it is the whole sort
-- key. The first page binds the empty string, which is less than every name.
-- The page ends early where $4 bytes of descriptions stand before a row.
-- $2 after text = 'project 1000' or ''
-- $3 rows bigint = {page}
-- $4 bytes bigint = {bytes}
select id, name, description, status, owner_id, created_at, updated_at, version
from (
    select *, sum(octet_length(description)) over (order by name rows between unbounded preceding and 1 preceding) as before
    from (
        select id, name, description, status, owner_id, created_at, updated_at, version
        from tenant.projects
        where tenant_id = $1 and name > $2
        order by name
        limit $3
    ) page
) page
where coalesce(before, 0) < $4
order by name
