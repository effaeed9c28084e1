-- The SECURITY DEFINER functions: what each is for, and who may go through. The reason is the function's
-- comment; one without a reason is not ours. Superusers, who may call anything, are not listed.
create view audit.doors as
select p.oid::regprocedure::text as door,
       p.proowner::regrole::text as owner,
       (select split_part(setting, '=', 2) from unnest(p.proconfig) as setting where setting like 'search_path=%')
           as search_path,
       (select array_agg(r.name order by r.name)
        from (select rolname::text as name from pg_roles
              where not rolsuper and rolname !~ '^pg_'
                and has_schema_privilege(oid, p.pronamespace, 'usage') and has_function_privilege(oid, p.oid, 'execute')
              union all
              select 'public'
              where has_function_privilege('public', p.oid, 'execute')) as r) as executable_by,
       obj_description(p.oid, 'pg_proc') as reason
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where p.prosecdef and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by door;

alter view audit.doors owner to rowhouse_owner;
grant select on audit.doors to rowhouse_auditor;
