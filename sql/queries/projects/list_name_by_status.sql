-- By name within one status, off (tenant_id, status, name).
select id, name, description, status, owner_id, created_at, updated_at, version
from tenant.projects
where tenant_id = $1 and status = $2 and name > $3
order by name
limit $4
