-- By name, off the unique key.
-- $2 after text = 'role 1000' or ''
-- $3 rows bigint = {page}
select id, name, permissions, built_in, created_at, updated_at, version
from tenant.roles
where tenant_id = $1 and name > $2
order by name
limit $3
