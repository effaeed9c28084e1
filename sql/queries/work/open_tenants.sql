select t as tenant_id from registry.open_tenants($1, $2) t
