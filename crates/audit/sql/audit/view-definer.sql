-- id: view-definer
-- severity: error
-- finds: a view a runtime role may use that reads a tenant table, or one whose rows belong to those of one, as its owner
-- why: without security_invoker the policies are asked for the view's owner, not for whoever reads the view.
--   A view over such a view passes the rows on, whichever kind it is itself. A warning where the owner is behind
--   the policies too: then they hold, but those meant for the owner.
-- mend: alter view … set (security_invoker = true), from PostgreSQL 15 on; before, revoke it
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
), definers as (
    select c.oid, c.relowner, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'v'
      and not exists (
          select from pg_options_to_table(c.reloptions) o
          where o.option_name = 'security_invoker' and o.option_value::boolean)
), stored (oid) as (
    -- Materialized views hold the rows themselves; materialized-view reports those that can be read.
    select oid from tables
    union
    select r.view from stored join reads r on r.relation = stored.oid
), leaks as (
    -- The place where the wall ends: the view that reads the table as its owner.
    select d.oid, d.name, d.relowner as owner,
           string_agg(coalesce(t.name, quote_ident(m.relnamespace::regnamespace::text) || '.' || quote_ident(m.relname)), ', ') as read,
           bool_and(coalesce(t.relrowsecurity and not o.rolsuper and not o.rolbypassrls
                    and (t.relforcerowsecurity or not pg_has_role(d.relowner, t.relowner, 'usage')), false)) as walled
    from definers d
    join pg_roles o on o.oid = d.relowner
    join reads r on r.view = d.oid
    left join tables t on t.oid = r.relation
    left join pg_class m on m.oid = r.relation and m.relkind = 'm' and m.oid in (select oid from stored)
    where t.oid is not null or m.oid is not null
    group by d.oid, d.name, d.relowner
), through (view, leak) as (
    select oid, oid from leaks
    union
    select r.view, h.leak
    from through h join reads r on r.relation = h.view
    join pg_class c on c.oid = r.view and c.relkind = 'v'
)
select s.name as object,
       format('%s; open to %s',
              string_agg(format(case when l.oid = s.oid then 'reads %1$s as %2$s' else 'through %3$s, which reads %1$s as %2$s' end,
                                l.read, l.owner::regrole, l.name)
                         || case when l.walled then ', who is behind the policies too' else '' end, '; ' order by l.oid <> s.oid, l.name),
              s.roles) as detail,
       case when bool_or(l.oid = s.oid) then format('alter view %s set (security_invoker = true)', s.name)
            else format('alter view %s set (security_invoker = true)', min(l.name)) end as fix,
       case when bool_and(l.walled) then 'warning' else 'error' end as severity
from through h
join leaks l on l.oid = h.leak
join (
    select c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name,
           string_agg(r.rolname, ', ' order by r.rolname) as roles
    from (select distinct view from through) v
    join pg_class c on c.oid = v.view
    join pg_namespace n on n.oid = c.relnamespace
    join runtime r on has_table_privilege(r.oid, c.oid, 'select, insert, update, delete')
                   or has_any_column_privilege(r.oid, c.oid, 'select, insert, update')
    where not exists (
        select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
    group by c.oid, n.nspname, c.relname
) s on s.oid = h.view
group by s.oid, s.name, s.roles
order by 1;
