-- A key carries the tenant's status, which its foreign key keeps true. What is kept is a hash of what is presented.
-- $2 id uuid = {new}
-- $3 name text = 'planted'
-- $4 permissions text[] = '{tasks:read}'
-- $5 secret_hash bytea = {hash}
-- $6 hint text = 'abcd'
-- $7 created_by uuid = null
-- $8 expires_at timestamptz = null
insert into tenant.api_keys (tenant_id, id, name, permissions, tenant_status, secret_hash, hint, created_by, expires_at)
select $1, $2, $3, $4, l.tenant_status, sha256($5), $6, $7, $8
from registry.letterhead() l
returning id, name, permissions, hint, created_by, expires_at, last_used_at, previous_until, created_at, updated_at, version
