select tenant_id, user_id from tenant.memberships order by user_id
