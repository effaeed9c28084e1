-- Functions of the schemas in scope that a role (audit.role) may call, with the types of what they take.
select p.oid, quote_ident(n.nspname) || '.' || quote_ident(p.proname) as name,
       quote_ident(n.nspname) || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' as signature,
       (select string_agg(format_type(t, null), e'\x1f' order by place) from unnest(p.proargtypes::oid[]) with ordinality as takes (t, place)) as takes,
       p.prokind as kind, p.prosecdef and p.proowner::regrole::text <> quote_ident(current_setting('audit.role')) as door
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
where n.oid = any (string_to_array(current_setting('audit.schemas'), ',')::oid[])
  and p.prokind in ('f', 'p') and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
  and has_schema_privilege(current_setting('audit.role'), n.oid, 'usage')
  and has_function_privilege(current_setting('audit.role'), p.oid, 'execute')
  and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
order by signature;
