select registry.switch_tenant($1)
