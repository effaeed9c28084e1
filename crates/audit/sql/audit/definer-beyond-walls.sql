-- id: definer-beyond-walls
-- severity: warning
-- finds: a SECURITY DEFINER function a runtime role may call, owned by a role that no policy stops
-- why: every statement in it sees all tenants, whatever was meant; one argument used wrongly and so does the
--   caller. A door can do its work as a role that has the few grants and policies it needs.
-- mend: alter function … owner to a role that is neither superuser nor BYPASSRLS nor owner of the tables
with runtime as (
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
), functions as (
    select p.*, schemas.name || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')' as signature
    from schemas join pg_proc p on p.pronamespace = schemas.oid
    where not exists (  -- an extension's own functions are its author's
        select from pg_depend d
        where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
), uses as (
    -- Functions that a relation's view, policies, defaults and checks call: for those no USAGE of the schema is asked.
    select w.ev_class as relation, d.refobjid as function
    from pg_depend d join pg_rewrite w on w.oid = d.objid
    where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_proc'::regclass
    union
    select p.polrelid, d.refobjid
    from pg_depend d join pg_policy p on p.oid = d.objid
    where d.classid = 'pg_policy'::regclass and d.refclassid = 'pg_proc'::regclass
    union
    select a.adrelid, d.refobjid
    from pg_depend d join pg_attrdef a on a.oid = d.objid
    where d.classid = 'pg_attrdef'::regclass and d.refclassid = 'pg_proc'::regclass
    union
    select k.conrelid, d.refobjid
    from pg_depend d join pg_constraint k on k.oid = d.objid and k.conrelid <> 0
    where d.classid = 'pg_constraint'::regclass and d.refclassid = 'pg_proc'::regclass
), callable as (
    -- Functions a runtime role may call: EXECUTE, and USAGE of the schema or a relation that calls it.
    select f.oid, string_agg(r.rolname, ', ' order by r.rolname) as roles
    from functions f
    join runtime r on has_function_privilege(r.oid, f.oid, 'execute')
     and (has_schema_privilege(r.oid, f.pronamespace, 'usage')
          or exists (select from uses u
                     where u.function = f.oid
                       and (has_table_privilege(r.oid, u.relation, 'select, insert, update, delete')
                            or has_any_column_privilege(r.oid, u.relation, 'select, insert, update'))))
    where f.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
    group by f.oid
)
select f.signature as object,
       format('runs as %s, which %s; %s may call it', o.rolname,
              case when o.rolsuper then 'is a superuser' when o.rolbypassrls then 'has BYPASSRLS'
                   else 'owns tenant tables that are not forced' end, c.roles) as detail,
       null::text as fix
from functions f
join callable c on c.oid = f.oid
join pg_roles o on o.oid = f.proowner
where f.prosecdef
  and (o.rolsuper or o.rolbypassrls or o.oid in (select relowner from tables where not relforcerowsecurity))
order by 1;
