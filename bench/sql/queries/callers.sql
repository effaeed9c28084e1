select tenant_id, user_id from tenant.memberships order by tenant_id
