-- id: table-without-tenant
-- severity: error
-- finds: a table that belongs to a tenant table by a foreign key, but has no tenant column and no policy that narrows it
-- why: its rows are some tenant's rows, as a line item is its order's, and every tenant's are there for all.
-- mend: give it the tenant column, a composite foreign key and a wall, or a policy that asks the parent
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
), belongs (oid) as (
    -- Tables without tenant column whose rows belong to those of tenant tables by a foreign key.
    select k.conrelid
    from pg_constraint k
    where k.contype = 'f' and k.confrelid in (select oid from tables) and k.conrelid not in (select oid from tables)
    union
    select k.conrelid
    from belongs b
    join pg_constraint k on k.contype = 'f' and k.confrelid = b.oid and k.conrelid not in (select oid from tables)
), reached as (
    select c.oid, c.relname, c.relnamespace, c.relrowsecurity, string_agg(r.rolname, ', ' order by r.rolname) as roles
    from belongs b
    join pg_class c on c.oid = b.oid
    join runtime r on case when c.relrowsecurity
         then (has_table_privilege(r.oid, b.oid, 'select') or has_any_column_privilege(r.oid, b.oid, 'select'))
              and exists (select from passed p where p.polrelid = b.oid and p.role = r.oid and p.command = 'r')
         else has_table_privilege(r.oid, b.oid, 'select, insert, update, delete')
              or has_any_column_privilege(r.oid, b.oid, 'select, insert, update') end
    group by c.oid, c.relname, c.relnamespace, c.relrowsecurity
)
select s.name || '.' || quote_ident(r.relname) as object,
       format('its rows belong to those of %s; %s %s, every tenant''s at once',
              (select string_agg(distinct quote_ident(n.nspname) || '.' || quote_ident(p.relname), ', ')
               from pg_constraint k join pg_class p on p.oid = k.confrelid join pg_namespace n on n.oid = p.relnamespace
               where k.contype = 'f' and k.conrelid = r.oid and p.oid <> r.oid
                 and (p.oid in (select oid from tables) or p.oid in (select oid from belongs))),
              case when r.relrowsecurity then 'a policy that is true opens it to' else 'open to' end, r.roles) as detail,
       case when r.relrowsecurity
            then format('make a policy on %s.%I that asks for the parent row, or for a tenant column', s.name, r.relname)
            else format('add the tenant column to %s.%I, make the foreign key composite, then enable and force row level security',
                        s.name, r.relname) end as fix
from reached r
join schemas s on s.oid = r.relnamespace
order by 1;
