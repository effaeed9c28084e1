-- Newest first within one status, off (tenant_id, status, id).
select id, name, description, status, owner_id, created_at, updated_at, version
from tenant.projects
where tenant_id = $1 and status = $2 and id < $3
order by id desc
limit $4
