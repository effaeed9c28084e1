-- $2 user uuid = {memberships.user_id}
select user_id, email, full_name, role_id, permissions, account_active, created_at, updated_at, version
from tenant.memberships
where tenant_id = $1 and user_id = $2
