-- id: trigger-for-one-role
-- severity: warning
-- finds: a trigger on a tenant table, or on a table a runtime role may write, whose WHEN names the roles for which it runs
-- why: whatever it guards, it guards against those roles alone; the next role that may write the table, such as one for background work, passes unasked.
-- mend: name those for whom it does not run: when (row_security_active('schema.table'::regclass) and current_user not in ('owner', …))
with runtime as (
    select r.oid
    from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
    join pg_roles r on r.oid = listed.oid
), watched as (
    select listed.oid from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    union
    select c.oid
    from unnest(string_to_array(current_setting('audit.schemas'), ',')::oid[]) as schemas (oid)
    join pg_class c on c.relnamespace = schemas.oid and c.relkind in ('r', 'p', 'v', 'f')
    where exists (
        select from runtime r
        where has_table_privilege(r.oid, c.oid, 'insert, update, delete') or has_any_column_privilege(r.oid, c.oid, 'insert, update'))
      and not exists (
        select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
), conditions as (
    -- As PostgreSQL prints it, without what stands inside string literals, and without what is said of all others.
    select g.tgname, g.tgrelid,
           regexp_replace(
               regexp_replace(substring(pg_get_triggerdef(g.oid) from ' WHEN (.*) EXECUTE '), '''([^'']|'''')*''', '''''''', 'g'),
               'NOT \(+(CURRENT_USER|SESSION_USER|CURRENT_ROLE|USER)[^()]*\)', '', 'g') as said
    from watched
    join pg_trigger g on g.tgrelid = watched.oid and not g.tgisinternal and g.tgparentid = 0 and g.tgqual is not null
)
select quote_ident(n.nspname) || '.' || quote_ident(c.relname) || '.' || quote_ident(s.tgname) as object
from conditions s
join pg_class c on c.oid = s.tgrelid
join pg_namespace n on n.oid = c.relnamespace
-- A role that is named: comparing with a column says nothing of roles.
where s.said ~ '\m(CURRENT_USER|SESSION_USER|CURRENT_ROLE|USER)\M\)?(::[a-z" ]+)?\)? = \(?(''''|ANY \()'
   or s.said ~ '''''(::[a-z" ]+)?\)? = \(*(CURRENT_USER|SESSION_USER|CURRENT_ROLE|USER)\M'
order by 1;
