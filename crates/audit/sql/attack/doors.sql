-- Doors that a role (audit.role) may open: SECURITY DEFINER functions of the schemas in scope that run as somebody else, with names and
-- types of what they take.
select quote_ident(n.nspname) || '.' || quote_ident(p.proname) as name,
       quote_ident(n.nspname) || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' as signature,
       (select string_agg(format_type(t, null), e'\x1f' order by place) from unnest(p.proargtypes::oid[]) with ordinality as takes (t, place)) as takes,
       (select string_agg(coalesce(nullif(a.name, ''), '_'), e'\x1f' order by a.place)
        from unnest(p.proargnames, p.proargmodes::text[]) with ordinality as a (name, mode, place)
        where a.mode is null or a.mode in ('i', 'b', 'v')) as called,
       p.prokind as kind, o.rolname as owner
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_roles o on o.oid = p.proowner
where n.oid = any (string_to_array(current_setting('audit.schemas'), ',')::oid[])
  and p.prosecdef and o.rolname <> current_setting('audit.role')
  and p.prokind in ('f', 'p') and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
  and has_schema_privilege(current_setting('audit.role'), n.oid, 'usage')
  and has_function_privilege(current_setting('audit.role'), p.oid, 'execute')
  and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
order by signature;
