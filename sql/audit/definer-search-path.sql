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
), functions as (
    select p.*, schemas.name || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')' as signature
    from schemas join pg_proc p on p.pronamespace = schemas.oid
    where not exists (  -- an extension's own functions are its author's
        select from pg_depend d
        where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
), callable as (
    -- Functions a runtime role may call by name: EXECUTE, and USAGE of the schema.
    select f.oid, string_agg(r.rolname, ', ' order by r.rolname) as roles
    from functions f
    join runtime r on has_function_privilege(r.oid, f.oid, 'execute') and has_schema_privilege(r.oid, f.pronamespace, 'usage')
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
           or f.oid in (select g.tgfoid from pg_trigger g join tables t on t.oid = g.tgrelid where not g.tgisinternal))
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
       complaint || coalesce('; ' || roles || ' may call it', '; a trigger of a tenant table calls it') as detail,
       format('alter routine %s set search_path = ''''', signature) as fix
from found
where complaint is not null
order by 1;
