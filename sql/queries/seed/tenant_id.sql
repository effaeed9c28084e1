select id from registry.tenants where slug = $1
