-- Whether this is the house, and whether something stands between it and who asks.
select count(*) = 4 as house,
       coalesce(bool_or(row_security_active(c.oid) or not has_table_privilege(c.oid, 'select')
                        or not has_schema_privilege(n.oid, 'usage')), false) as behind
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname || '.' || c.relname in ('registry.tenants', 'registry.users', 'tenant.memberships', 'tenant.roles')
