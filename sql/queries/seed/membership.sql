-- What a membership carries comes from where the foreign keys point.
insert into tenant.memberships (tenant_id, user_id, role_id, permissions, tenant_status, account_active, email, full_name)
select t.id, u.id, r.id, r.permissions, t.status, u.active, u.email, u.full_name
from registry.tenants t, registry.users u, tenant.roles r
where t.id = $1 and u.id = $2 and r.tenant_id = t.id and r.name = $3
