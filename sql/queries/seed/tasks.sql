insert into tenant.project_tasks (tenant_id, id, project_id, name, status)
select $1, t.id, t.project_id, t.name, t.status
from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[]) as t (id, project_id, name, status)
