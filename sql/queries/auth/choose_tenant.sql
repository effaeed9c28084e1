select registry.choose_tenant($1) as tenant_id
