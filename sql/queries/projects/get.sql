-- $2 id uuid = {projects.id}
select id, name, description, status, owner_id, created_at, updated_at, version
from tenant.projects
where tenant_id = $1 and id = $2
