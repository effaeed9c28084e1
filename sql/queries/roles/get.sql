-- $2 id uuid = {roles.id}
select id, name, permissions, built_in, created_at, updated_at, version
from tenant.roles
where tenant_id = $1 and id = $2
