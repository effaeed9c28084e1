-- $3: the versions the caller accepts, null for any. Null in $4 leaves the role.
-- $2 user uuid = {memberships.user_id}
-- $3 versions bigint[] = null
-- $4 role uuid = {memberships.role_id}
update tenant.memberships m
set role_id = r.id, permissions = r.permissions
from tenant.roles r
where m.tenant_id = $1 and m.user_id = $2 and ($3::bigint[] is null or m.version = any ($3))
  and r.tenant_id = $1 and r.id = coalesce($4, m.role_id)
returning m.user_id, m.email, m.full_name, m.role_id, m.permissions, m.account_active, m.created_at, m.updated_at, m.version
