-- What is wrong with the role that asks, as a runtime role. Empty is right; the server refuses to serve
-- otherwise. Run it as the role in question: `select * from audit.posture`.
create view audit.posture with (security_invoker) as
with me as (select * from pg_roles where rolname = current_user)
select 'is a superuser: no policy applies to it' as complaint from me where rolsuper
union all
select 'has BYPASSRLS: no policy applies to it' from me where rolbypassrls
union all
select 'may create roles' from me where rolcreaterole
union all
select 'may create databases' from me where rolcreatedb
union all
select 'may replicate, which reads everything' from me where rolreplication
union all
select 'is a member of ' || m.roleid::regrole || ', and SET ROLE reaches it'
from pg_auth_members m join me on me.oid = m.member
union all
select 'session_user is ' || session_user || ', and RESET ROLE reaches it' where session_user <> current_user
union all
select 'owns ' || c.oid::regclass::text from pg_class c join me on me.oid = c.relowner
where c.oid >= 16384 and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')  -- lower oids came with PostgreSQL
union all
select 'owns function ' || p.oid::regprocedure::text from pg_proc p join me on me.oid = p.proowner where p.oid >= 16384
union all
select 'owns schema ' || n.nspname from pg_namespace n join me on me.oid = n.nspowner where n.oid >= 16384
union all
select 'owns the database' from pg_database d join me on me.oid = d.datdba where d.datname = current_database()
union all
select 'may create in schema ' || n.nspname from pg_namespace n
where n.nspname !~ '^pg_' and has_schema_privilege(n.oid, 'create')
union all
select 'may create schemas in this database' where has_database_privilege(current_database(), 'create')
union all
select 'may create temporary tables, which outlive a transaction' where has_database_privilege(current_database(), 'temporary')
union all
select 'may execute ' || p.oid::regprocedure || ', with which an expression can move the wall' from pg_proc p
where p.pronamespace = 'pg_catalog'::regnamespace and p.proname = 'set_config' and has_function_privilege(p.oid, 'execute')
union all
-- Outside the three schemas nothing is walled for it, and nothing is meant to be read.
select 'may read ' || c.oid::regclass || ', which is outside the house'
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname not in ('tenant', 'registry', 'audit', 'pg_catalog', 'information_schema') and n.nspname !~ '^pg_'
  and c.relkind in ('r', 'p', 'v', 'm', 'f') and has_schema_privilege(n.oid, 'usage')
  and (has_table_privilege(c.oid, 'select') or has_any_column_privilege(c.oid, 'select'))
union all
select 'may execute ' || p.oid::regprocedure || ', SECURITY DEFINER outside the house'
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where p.prosecdef and n.nspname not in ('registry', 'pg_catalog')
  and has_schema_privilege(n.oid, 'usage') and has_function_privilege(p.oid, 'execute')
union all
select 'starts with row_security off' where current_setting('row_security') <> 'on'
union all
select 'starts with a default for ' || setting from pg_db_role_setting s, unnest(s.setconfig) as setting
where setting like 'app.%' and s.setrole in (0, (select oid from me))
  and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
union all
select 'has a tenant outside any transaction' where coalesce(current_setting('app.tenant_id', true), '') <> ''
union all
select 'has a user outside any transaction' where coalesce(current_setting('app.user_id', true), '') <> '';

alter view audit.posture owner to rowhouse_owner;
grant select on audit.posture to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_platform, rowhouse_auditor;
