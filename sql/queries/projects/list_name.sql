-- By name, off the unique key: within a tenant a name is one project's alone, so it is the whole sort
-- key. The first page binds the empty string, which is less than every name.
select id, name, description, status, owner_id, created_at, updated_at, version
from tenant.projects
where tenant_id = $1 and name > $2
order by name
limit $3
