select registry.accept_invitation($1, $2, $3) as tenant_id
