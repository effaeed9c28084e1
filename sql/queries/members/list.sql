-- By address, off (tenant_id, email): within a tenant an address is one member's alone.
-- $2 after text = 'member1000@example.com' or ''
-- $3 rows bigint = {page}
select user_id, email, full_name, role_id, permissions, account_active, created_at, updated_at, version
from tenant.memberships
where tenant_id = $1 and email > $2
order by email
limit $3
