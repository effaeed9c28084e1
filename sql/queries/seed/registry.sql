select relname::text as name from pg_class where oid = to_regclass('registry.tenants')
