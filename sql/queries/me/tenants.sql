select id, slug, name, status, role from registry.my_tenants()
