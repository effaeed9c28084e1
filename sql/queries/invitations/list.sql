-- Newest first, off the primary key.
-- $2 before uuid = {middle} or {max}
-- $3 rows bigint = {page}
select id, email, role_id, invited_by, expires_at, expires_at <= now() as expired, created_at, updated_at, version
from tenant.invitations
where tenant_id = $1 and id < $2
order by id desc
limit $3
