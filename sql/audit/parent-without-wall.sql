-- id: parent-without-wall
-- severity: error
-- finds: a table without tenant column and without row level security whose inheritance children are tenant tables
-- why: a query of the parent returns the children's rows too, behind the parent's policies alone, and it has none.
-- mend: enable and force row level security on the parent, or revoke it from the roles that serve requests
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
), parents as (
    select i.inhparent as oid, t.name as child
    from tables t join pg_inherits i on i.inhrelid = t.oid
    union
    select i.inhparent, p.child
    from parents p join pg_inherits i on i.inhrelid = p.oid
)
select quote_ident(n.nspname) || '.' || quote_ident(c.relname) as object,
       format('%s may reach through it the rows of %s', string_agg(distinct r.rolname, ', '),
              string_agg(distinct p.child, ', ')) as detail,
       format('alter table %I.%I enable row level security, force row level security', n.nspname, c.relname) as fix
from parents p
join pg_class c on c.oid = p.oid and not c.relrowsecurity
join pg_namespace n on n.oid = c.relnamespace
join runtime r on has_table_privilege(r.oid, c.oid, 'select, insert, update, delete')
               or has_any_column_privilege(r.oid, c.oid, 'select, insert, update')
where p.oid not in (select oid from tables)
group by n.nspname, c.relname
order by 1;
