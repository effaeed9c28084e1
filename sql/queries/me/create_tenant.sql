select id, slug, name, status, role from registry.create_tenant($1, $2, $3, $4)
