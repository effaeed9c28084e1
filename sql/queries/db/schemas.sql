select nspname::text as name from pg_namespace where nspname in ('tenant', 'registry', 'audit')
