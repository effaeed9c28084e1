-- Breaks roles, settings, functions and what belongs to the database as a whole.
with server as (
    select rolname, oid, place from pg_roles
    join unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) with ordinality as named (id, place) on named.id = oid
), serves as (
    select rolname, oid from server order by place limit 1
), owners as (
    select distinct r.rolname, r.oid from pg_class c join pg_roles r on r.oid = c.relowner
    where c.oid = any (string_to_array(current_setting('audit.tables'), ',')::oid[])
), houses as (
    select distinct n.nspname, n.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.oid = any (string_to_array(current_setting('audit.tables'), ',')::oid[])
), example as (
    select format('%I.%I', n.nspname, c.relname) as name, n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace, serves
    where c.oid = any (string_to_array(current_setting('audit.tables'), ',')::oid[]) and has_any_column_privilege(serves.oid, c.oid, 'select')
    order by 1 limit 1
), routines as (
    select p.oid, p.prosecdef, p.provolatile, p.prorettype, format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as signature,
           p.prosrc, p.proargtypes, n.nspname, p.proconfig, p.proowner
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.oid = any (string_to_array(current_setting('audit.schemas'), ',')::oid[]) and p.prokind = 'f'
      and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
), doors as (
    select routines.* from routines, serves where prosecdef and has_function_privilege(serves.oid, routines.oid, 'execute') and proowner <> serves.oid
)
select 'role-' || lower(attribute) as mutant, rolname as object, null::text as "table", format('alter role %I %s', rolname, attribute) as statement
from server, unnest(array['SUPERUSER', 'BYPASSRLS', 'CREATEROLE', 'CREATEDB', 'REPLICATION']) as attribute
union all
select 'member-of-owner', server.rolname || ' in ' || owners.rolname, null, format('grant %I to %I', owners.rolname, server.rolname) from server, owners
where owners.oid <> server.oid
union all
select 'member-of-bypass', rolname, null, format('create role mutant bypassrls nologin; grant mutant to %I', rolname) from server
union all
select 'member-of-system-role', rolname || ' in ' || system, null, format('grant %I to %I', system, rolname)
from serves, unnest(array['pg_monitor', 'pg_signal_backend', 'pg_read_all_data', 'pg_write_all_data', 'pg_execute_server_program', 'pg_read_server_files']) as system
union all
select 'owns-a-table', example.name, null, format('alter table %s owner to %I', example.name, serves.rolname) from example, serves
union all
select 'owns-a-schema', nspname, null, format('alter schema %I owner to %I', nspname, serves.rolname) from houses, serves
union all
select 'role-beside-the-wall', 'mutant', null, format('create role mutant login bypassrls; grant select on %s to mutant', name) from example
union all
select 'schema-create', nspname || ' to ' || server.rolname, null, format('grant create on schema %I to %I', nspname, server.rolname) from houses, server
union all
select 'schema-create', 'public to everyone', null, 'grant create, usage on schema public to public' where exists (select from pg_namespace where nspname = 'public')
union all
select 'database-' || lower(privilege), rolname, null, format('grant %s on database %I to %I', privilege, current_database(), rolname)
from serves, unnest(array['CREATE', 'TEMP']) as privilege
union all
select 'sequence-grant', nspname || '.mutant', null, format('create sequence %I.mutant; grant usage on sequence %I.mutant to %I', nspname, nspname, rolname) from example, serves
union all
select 'default-privileges', nspname, null, format('alter default privileges in schema %I grant select, truncate on tables to %I', nspname, rolname) from houses, serves
union all
select 'role-setting', rolname || ': ' || setting, null, format('alter role %I set %s', rolname, setting)
from serves, unnest(array[
    'row_security = off',
    'session_replication_role = replica',
    current_setting('audit.setting') || ' = ''00000000-0000-0000-0000-000000000000''']) as setting
union all
select 'database-setting', current_database(), null, format('alter database %I set %s = %L', current_database(), current_setting('audit.setting'), '00000000-0000-0000-0000-000000000000')
union all
select 'set-config-executable', 'everyone', null, 'grant execute on function pg_catalog.set_config(text, text, boolean) to public'
union all
select 'set-config-executable', rolname, null, format('grant execute on function pg_catalog.set_config(text, text, boolean) to %I', rolname) from server
union all
select 'large-object', rolname, null, format('do $f$ declare made oid := pg_catalog.lo_from_bytea(0, %L); begin execute format(%L, made); end $f$', 'rowhouse', 'alter large object %s owner to ' || quote_ident(rolname))
from serves
union all
select 'advisory-lock', nspname || '.mutant', null,
       format('create function %I.mutant(bigint) returns void language plpgsql set search_path = %L as $f$ begin perform pg_advisory_lock($1); end $f$; grant execute on function %I.mutant(bigint) to %I', nspname, '', nspname, rolname)
from example, serves
union all
select 'immutable', signature, null, format('alter function %s immutable', signature) from routines
where provolatile <> 'i' and prosrc like '%current_setting%' and prorettype <> 'trigger'::regtype
union all
-- The classic: a helper for policies, folded into the first plan that meets it.
select 'immutable-helper', nspname || '.mutant', null,
       format('create function %I.mutant() returns text language sql immutable set search_path = %L as $f$ select current_setting(%L) $f$', nspname, '', current_setting('audit.setting'))
from example
union all
select 'leakproof', signature, null, format('alter function %s leakproof', signature) from routines
where prorettype <> 'trigger'::regtype and not (select p.proleakproof from pg_proc p where p.oid = routines.oid)
union all
select 'leakproof', 'pg_catalog.textlike(text,text)', null, 'alter function pg_catalog.textlike(text, text) leakproof'
union all
select 'definer-search-path', signature, null, format('alter function %s reset search_path', signature) from doors
union all
select 'definer-public', signature, null, format('grant execute on function %s to public', signature) from doors
union all
select 'door-without-reason', signature, null, format('comment on function %s is null', signature) from doors
where obj_description(oid, 'pg_proc') is not null
union all
select 'function-setting', signature, null, format('alter function %s set row_security = off', signature) from doors
union all
-- A new door that shows everything to everyone.
select 'new-door', nspname || '.mutant', null,
       format('create function %I.mutant() returns setof text language plpgsql stable security definer set search_path = %L as $f$ begin return query select t::text from %s t; end $f$; grant execute on function %I.mutant() to %I',
              nspname, '', name, nspname, rolname)
from example, serves
union all
-- Moves the wall from inside a query, and needs no right for it.
select 'function-sets-tenant', nspname || '.mutant', null,
       format('create function %I.mutant(wanted text) returns boolean language plpgsql set search_path = %L as $f$ begin execute format(%L, wanted); return true; end $f$; revoke all on function %I.mutant(text) from public; grant execute on function %I.mutant(text) to %I',
              nspname, '', 'set local ' || current_setting('audit.setting') || ' = %L', nspname, nspname, rolname)
from example, serves
union all
select 'untrusted-extension', 'dblink', null, format('create extension dblink schema %I', nspname) from example
where exists (select from pg_available_extensions where name = 'dblink')
union all
select 'statements-visible', 'pg_stat_statements', null, format('create extension pg_stat_statements schema %I; grant select on all tables in schema %I to %I', nspname, nspname, rolname)
from example, serves
where exists (select from pg_available_extensions where name = 'pg_stat_statements')
order by 1, 2;
