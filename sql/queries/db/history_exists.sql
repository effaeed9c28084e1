select relname::text as name from pg_catalog.pg_class where oid = pg_catalog.to_regclass('audit.schema_history')
