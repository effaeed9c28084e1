-- id: parent-without-wall
-- severity: error
-- finds: a table without tenant column and without a policy that narrows it, whose inheritance children are tenant tables
-- why: a query of the parent returns the children's rows too, behind the parent's policies alone: here none, or one that is true.
-- mend: enable and force row level security on the parent, with a policy, or revoke it from the roles that serve requests
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
), policies as (
    -- Which policies bind which runtime role, and which of them let every row pass.
    select p.polrelid, r.oid as role, p.polcmd, p.polpermissive,
           coalesce(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) = 'true' as literally_true
    from pg_policy p
    join runtime r on exists (select from unnest(p.polroles) as named where named = 0 or pg_has_role(r.oid, named, 'usage'))
), passed as (
    -- Who gets every row of a table with row level security, by which command.
    select p.polrelid, p.role, c.command
    from policies p
    join (values ('r'), ('a'), ('w'), ('d')) as c (command) on p.polcmd in ('*', c.command::"char")
    group by p.polrelid, p.role, c.command
    having bool_or(p.polpermissive and p.literally_true) and not bool_or(not p.polpermissive and not p.literally_true)
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
       case when c.relrowsecurity then format('drop the policy of %I.%I that is true, or revoke select on it', n.nspname, c.relname)
            else format('alter table %I.%I enable row level security, force row level security', n.nspname, c.relname) end as fix
from parents p
join pg_class c on c.oid = p.oid
join pg_namespace n on n.oid = c.relnamespace
join runtime r on case when c.relrowsecurity
     then (has_table_privilege(r.oid, c.oid, 'select') or has_any_column_privilege(r.oid, c.oid, 'select'))
          and exists (select from passed p where p.polrelid = c.oid and p.role = r.oid and p.command = 'r')
     else has_table_privilege(r.oid, c.oid, 'select, insert, update, delete')
          or has_any_column_privilege(r.oid, c.oid, 'select, insert, update') end
where p.oid not in (select oid from tables)
group by n.nspname, c.relname, c.relrowsecurity
order by 1;
