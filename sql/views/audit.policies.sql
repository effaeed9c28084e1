-- Every policy of this database in words, with the statement that makes it.
create view audit.policies as
with policies as (
    select n.nspname || '.' || c.relname as relation, format('%I.%I', n.nspname, c.relname) as quoted, p.polname,
           case when p.polpermissive then 'permissive' else 'restrictive' end as kind,
           case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
                         when 'd' then 'delete' else 'all' end as command,
           (select array_agg(case when role = 0 then 'public' else role::regrole::text end
                             order by case when role = 0 then 'public' else role::regrole::text end)
            from unnest(p.polroles) as role) as roles,
           pg_get_expr(p.polqual, p.polrelid) as using_expression,
           pg_get_expr(p.polwithcheck, p.polrelid) as check_expression,
           obj_description(p.oid, 'pg_policy') as meaning
    from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
)
select relation, polname::text as policy, meaning, kind, command, roles, using_expression, check_expression,
       format('create policy %I on %s as %s for %s to %s', polname, quoted, kind, command, array_to_string(roles, ', '))
           || coalesce(' using (' || using_expression || ')', '')
           || coalesce(' with check (' || check_expression || ')', '') || ';'
           || coalesce(format(' comment on policy %I on %s is %L;', polname, quoted, meaning), '') as statement
from policies
order by relation, kind desc, command, policy;

alter view audit.policies owner to rowhouse_owner;
grant select on audit.policies to rowhouse_auditor;
