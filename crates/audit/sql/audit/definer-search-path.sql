-- id: definer-search-path
-- severity: error
-- finds: a SECURITY DEFINER function within reach of a runtime role whose search_path the caller controls
-- why: it runs with its owner's rights and looks names up where the caller said, or where the caller may create:
--   the caller's table or function is taken for the one that was meant. pg_temp, if not named, is searched first.
--   An empty search_path, or pg_catalog alone, is right.
-- mend: alter function … set search_path = '', and name the schema of everything in its body
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
), writable as (
    -- Tables and views that a runtime role may write.
    select c.oid, c.relname, c.relowner, c.relkind, schemas.name || '.' || quote_ident(c.relname) as name
    from schemas
    join pg_class c on c.relnamespace = schemas.oid and c.relkind in ('r', 'p', 'v', 'f')
    where exists (
        select from runtime r
        where has_table_privilege(r.oid, c.oid, 'insert, update, delete') or has_any_column_privilege(r.oid, c.oid, 'insert, update'))
      and not exists (
        select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
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
), doors as (
    select f.oid, f.signature, c.roles,
           (select substr(o, strpos(o, '=') + 1) from unnest(f.proconfig) o where o like 'search\_path=%') as path
    from functions f
    left join callable c on c.oid = f.oid
    where f.prosecdef
      and (c.oid is not null
           -- A trigger's function needs no EXECUTE: who writes the table runs it.
           or f.oid in (select g.tgfoid from pg_trigger g
                        where not g.tgisinternal and (g.tgrelid in (select oid from tables) or g.tgrelid in (select oid from writable))))
), parts as (
    select d.oid, array_agg(btrim(p.part, '" ') order by p.position) as parts
    from doors d,
    regexp_split_to_table(nullif(btrim(d.path, '" '), ''), '\s*,\s*') with ordinality as p (part, position)
    group by d.oid
), found as (
    select d.signature, d.roles,
           case when d.path is null then 'its search_path is the caller''s'
                when '$user' = any (p.parts) then 'its search_path holds "$user"'
                when 'pg_temp' = any (p.parts) and array_position(p.parts, 'pg_temp') < cardinality(p.parts)
                then 'its search_path has pg_temp before other schemas'
                when open.names is not null then format('its search_path holds %s, where a runtime role may create', open.names)
                when p.parts <> array['pg_catalog'] and not 'pg_temp' = any (p.parts)
                     and exists (select from runtime r
                                 where has_database_privilege(r.oid, (select oid from pg_database where datname = current_database()), 'temporary'))
                then format('its search_path (%s) does not name pg_temp, which is then searched first, and a runtime role may make '
                            'temporary tables', d.path)
           end as complaint
    from doors d
    left join parts p on p.oid = d.oid
    left join lateral (
        select string_agg(distinct n.nspname, ', ') as names
        from pg_namespace n join runtime r on has_schema_privilege(r.oid, n.oid, 'create')
        where n.nspname = any (p.parts)) open on true
)
select signature as object,
       complaint || coalesce('; ' || roles || ' may call it', '; a trigger calls it') as detail,
       format('alter routine %s set search_path = ''''', signature) as fix
from found
where complaint is not null
order by 1;
