-- id: rule-writes
-- severity: warning
-- finds: a rule on a tenant table, on a view over one, or on anything else a runtime role may write
-- why: what a rule does, it does as the owner of the relation, whoever asked; a policy for the asking role
--   does not stop it.
-- mend: drop the rule; a trigger that is SECURITY INVOKER does the same behind the wall
with recursive runtime as (
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
), reads as (
    -- Which view or materialized view reads which relation.
    select distinct w.ev_class as view, d.refobjid as relation
    from pg_rewrite w
    join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
                    and d.refclassid = 'pg_class'::regclass and d.refobjid <> w.ev_class
    where w.rulename = '_RETURN'
), over (oid) as (
    select oid from tables
    union
    select r.view from over join reads r on r.relation = over.oid
)
select quote_ident(n.nspname) || '.' || quote_ident(c.relname) || '.' || quote_ident(w.rulename) as object,
       format('a rule on %s that runs as %s', case w.ev_type when '1' then 'select' when '2' then 'update'
              when '3' then 'insert' else 'delete' end, c.relowner::regrole) as detail,
       format('drop rule %I on %I.%I', w.rulename, n.nspname, c.relname) as fix
from (select oid from over union select oid from writable) o
join pg_rewrite w on w.ev_class = o.oid and w.rulename <> '_RETURN'
join pg_class c on c.oid = w.ev_class
join pg_namespace n on n.oid = c.relnamespace
order by 1;
