-- $2 id uuid = {new}
-- $3 name text = 'planted'
-- $4 permissions text[] = '{tasks:read}'
insert into tenant.roles (tenant_id, id, name, permissions)
values ($1, $2, $3, $4)
returning id, name, permissions, built_in, created_at, updated_at, version
