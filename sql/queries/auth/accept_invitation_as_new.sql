select registry.accept_invitation_as_new($1, $2, $3, $4, $5, $6) as tenant_id
