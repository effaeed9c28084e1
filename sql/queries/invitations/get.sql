-- $2 id uuid = {invitations.id}
select id, email, role_id, invited_by, expires_at, expires_at <= now() as expired, created_at, updated_at, version
from tenant.invitations
where tenant_id = $1 and id = $2
