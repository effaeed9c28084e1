-- By address within one role, off (tenant_id, role_id, email).
-- $2 role uuid = {memberships.role_id}
-- $3 after text = 'member1000@example.com' or ''
-- $4 rows bigint = {page}
select user_id, email, full_name, role_id, permissions, account_active, created_at, updated_at, version
from tenant.memberships
where tenant_id = $1 and role_id = $2 and email > $3
order by email
limit $4
