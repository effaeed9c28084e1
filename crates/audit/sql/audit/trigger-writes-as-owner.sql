-- id: trigger-writes-as-owner
-- severity: warning
-- finds: a trigger on a tenant table, or on a table or view a runtime role may write, whose function is SECURITY DEFINER and owned by a role that no wall stops
-- why: whatever the caller makes the trigger do, it does to every tenant's rows.
-- mend: make the function SECURITY INVOKER, or hand it to a role that is behind the wall
with runtime as (
    select r.oid, r.rolname
    from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
    join pg_roles r on r.oid = listed.oid
    where not r.rolsuper  -- it may do everything; role-bypasses says so
), tables as (
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    join pg_class c on c.oid = listed.oid
    join pg_namespace n on n.oid = c.relnamespace
), schemas as (
    select n.oid, quote_ident(n.nspname) as name
    from unnest(string_to_array(current_setting('audit.schemas'), ',')::oid[]) as listed (oid)
    join pg_namespace n on n.oid = listed.oid
), writable as (
    -- Tables and views that a runtime role may write.
    select c.oid, c.relname, c.relowner, c.relkind, schemas.name || '.' || quote_ident(c.relname) as name
    from schemas
    join pg_class c on c.relnamespace = schemas.oid and c.relkind in ('r', 'p', 'v', 'f')
    where exists (
        select from runtime r
        where has_table_privilege(r.oid, c.oid, 'insert, update, delete') or has_any_column_privilege(r.oid, c.oid, 'insert, update'))
      and not exists (
        select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
)
select t.name || '.' || quote_ident(g.tgname) as object,
       format('%I.%I() runs as %I, which %s', n.nspname, p.proname, o.rolname,
              case when o.rolsuper then 'is a superuser'
                   when o.rolbypassrls then 'has BYPASSRLS'
                   else 'owns tenant tables that are not forced' end) as detail,
       format('alter function %I.%I() security invoker', n.nspname, p.proname) as fix
from (select oid, name from tables union select oid, name from writable) t
join pg_trigger g on g.tgrelid = t.oid and not g.tgisinternal and g.tgparentid = 0
join pg_proc p on p.oid = g.tgfoid and p.prosecdef
join pg_namespace n on n.oid = p.pronamespace
join pg_roles o on o.oid = p.proowner
where o.rolsuper or o.rolbypassrls
   or o.oid in (select relowner from tables where not relforcerowsecurity)
order by 1;
