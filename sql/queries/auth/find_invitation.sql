select tenant_name, slug, email, role, expires_at, has_account from registry.find_invitation($1, $2, $3)
