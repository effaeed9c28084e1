-- The policies of a table, and whether each binds a role, by name or through a role whose rights it has.
select p.polname::text as name, p.polpermissive as permissive,
       case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
                     when 'd' then 'delete' else 'all' end as command,
       pg_get_expr(p.polqual, p.polrelid) as using_expression,
       pg_get_expr(p.polwithcheck, p.polrelid) as check_expression,
       exists (select from unnest(p.polroles) as role
               where role = 0 or pg_has_role($2::name, nullif(role, 0), 'usage')) as binds
from pg_policy p
where p.polrelid = to_regclass($1)
order by p.polpermissive, p.polname
