-- Every policy of the tenant tables, with the runtime roles it binds.
select p.polrelid as table_id, p.polname as policy, p.polpermissive as permissive,
       case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end as command,
       pg_get_expr(p.polqual, p.polrelid) as using_expression,
       pg_get_expr(p.polwithcheck, p.polrelid) as check_expression,
       (select string_agg(r.oid::text, ',')
        from pg_roles r
        where r.oid = any (string_to_array(current_setting('audit.roles'), ',')::oid[])
          and exists (select from unnest(p.polroles) as named where named = 0 or pg_has_role(r.oid, named, 'usage'))) as roles
from pg_policy p
where p.polrelid = any (string_to_array(current_setting('audit.tables'), ',')::oid[])
order by p.polrelid, p.polname;
