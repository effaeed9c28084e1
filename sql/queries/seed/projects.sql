insert into tenant.projects (tenant_id, id, name, description, status, owner_id)
select $1, p.id, p.name, p.description, p.status, $6
from unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) as p (id, name, description, status)
