-- $2 id uuid = {new}
-- $3 name text = 'planted'
-- $4 description text = null
-- $5 status text = 'active'
-- $6 owner uuid = null
insert into tenant.projects (tenant_id, id, name, description, status, owner_id)
values ($1, $2, $3, $4, $5, $6)
returning id, name, description, status, owner_id, created_at, updated_at, version
