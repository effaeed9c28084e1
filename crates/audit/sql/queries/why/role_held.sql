select r.name
from tenant.memberships m join tenant.roles r on r.tenant_id = m.tenant_id and r.id = m.role_id
where m.tenant_id::text = $1 and m.user_id::text = $2
