-- The ways past the walls that are meant: listed, with the reason the database gives for each.
select 'function' as kind,
       quote_ident(n.nspname) || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' as object,
       obj_description(p.oid, 'pg_proc') as reason,
       'owned by ' || owner.rolname || ', executable by ' || string_agg(r.rolname, ', ' order by r.rolname) as detail
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_roles owner on owner.oid = p.proowner
join pg_roles r on r.oid = any (string_to_array(current_setting('audit.roles'), ',')::oid[]) and has_function_privilege(r.oid, p.oid, 'execute')
where p.prosecdef and p.proowner <> r.oid and n.nspname not in ('pg_catalog', 'information_schema')
  and has_schema_privilege(r.oid, n.oid, 'usage')
  and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
group by n.nspname, p.oid, p.proname, owner.rolname
union all
select 'role', r.rolname, shobj_description(r.oid, 'pg_authid'),
       concat_ws(', ', case when r.rolsuper then 'superuser' end, case when r.rolbypassrls then 'BYPASSRLS' end,
                 case when r.rolcanlogin then 'may log in' else 'may not log in' end)
from pg_roles r
where (r.rolsuper or r.rolbypassrls) and r.oid <> all (string_to_array(current_setting('audit.roles'), ',')::oid[])
union all
select 'view', quote_ident(n.nspname) || '.' || quote_ident(c.relname), obj_description(c.oid, 'pg_class'),
       'runs as its owner ' || pg_get_userbyid(c.relowner)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'v' and n.oid = any (string_to_array(current_setting('audit.schemas'), ',')::oid[])
  and not coalesce(c.reloptions::text ~ 'security_invoker=(true|on|1|yes)', false)
  and exists (select from pg_roles r
              where r.oid = any (string_to_array(current_setting('audit.roles'), ',')::oid[])
                and has_schema_privilege(r.oid, n.oid, 'usage') and has_table_privilege(r.oid, c.oid, 'select'))
order by kind, object;
