select registry.tenant_of_host($1, $2) as tenant_id
