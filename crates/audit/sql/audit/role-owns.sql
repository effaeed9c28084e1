-- id: role-owns
-- severity: error
-- finds: a runtime role that owns tenant tables, views over them, functions, schemas or the database
-- why: an owner may drop policies, switch row level security off, grant and replace; unforced, it is exempt
--   from the policies to begin with.
-- mend: hand what it owns to a role that cannot log in: reassign owned by … to …
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
), owned (role, kind, name) as (
    select c.relowner, case when c.relkind in ('v', 'm') then 'view ' else 'table ' end,
           quote_ident(n.nspname) || '.' || quote_ident(c.relname)
    from over join pg_class c on c.oid = over.oid join pg_namespace n on n.oid = c.relnamespace
    union all
    select p.proowner, 'function ', s.name || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')'
    from schemas s join pg_proc p on p.pronamespace = s.oid
    union all
    select n.nspowner, 'schema ', s.name from schemas s join pg_namespace n on n.oid = s.oid
    union all
    select d.datdba, 'the database ', d.datname from pg_database d where d.datname = current_database()
)
select r.rolname::text as object,
       format('owns %s%s', array_to_string((array_agg(o.kind || o.name order by o.kind, o.name))[1:5], ', '),
              case when count(*) > 5 then format(' and %s more', count(*) - 5) end) as detail,
       null::text as fix
from owned o join runtime r on r.oid = o.role
group by r.rolname
order by 1;
