-- id: materialized-view
-- severity: error
-- finds: a materialized view over tenant tables, or tables whose rows belong to those of one, that a runtime role may read
-- why: it holds the rows of all tenants, as its owner saw them, and cannot carry policies.
-- mend: revoke select on it, or make it a table with the tenant column and a wall
with recursive runtime as (
    select r.oid, r.rolname
    from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
    join pg_roles r on r.oid = listed.oid
    where not r.rolsuper  -- it may do everything; role-bypasses says so
), tenant_tables as (
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    join pg_class c on c.oid = listed.oid
    join pg_namespace n on n.oid = c.relnamespace
), belongs (oid) as (
    -- Tables without tenant column whose rows belong to those of tenant tables by a foreign key.
    select k.conrelid
    from pg_constraint k
    where k.contype = 'f' and k.confrelid in (select oid from tenant_tables) and k.conrelid not in (select oid from tenant_tables)
    union
    select k.conrelid
    from belongs b
    join pg_constraint k on k.contype = 'f' and k.confrelid = b.oid and k.conrelid not in (select oid from tenant_tables)
), tables as (
    select * from tenant_tables
    union all
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname)
    from belongs b
    join pg_class c on c.oid = b.oid
    join pg_namespace n on n.oid = c.relnamespace
), reads as (
    -- Which view or materialized view reads which relation.
    select distinct w.ev_class as view, d.refobjid as relation
    from pg_rewrite w
    join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
                    and d.refclassid = 'pg_class'::regclass and d.refobjid <> w.ev_class
    where w.rulename = '_RETURN'
), over (oid, base) as (
    select oid, oid from tables
    union
    select r.view, over.base from over join reads r on r.relation = over.oid
)
select quote_ident(n.nspname) || '.' || quote_ident(c.relname) as object,
       format('holds rows of %s and is open to %s', string_agg(distinct t.name, ', '), string_agg(distinct r.rolname, ', ')) as detail,
       format('revoke all on %I.%I from %s', n.nspname, c.relname, string_agg(distinct quote_ident(r.rolname), ', ')) as fix
from over
join pg_class c on c.oid = over.oid and c.relkind = 'm'
join pg_namespace n on n.oid = c.relnamespace
join tables t on t.oid = over.base
join runtime r on has_table_privilege(r.oid, c.oid, 'select') or has_any_column_privilege(r.oid, c.oid, 'select')
group by n.nspname, c.relname
order by 1;
