select rolsuper as superuser, rolbypassrls as bypasses from pg_roles where rolname = $1
