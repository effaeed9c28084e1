-- id: advisory-lock
-- severity: warning
-- finds: a function a runtime role may call, or a trigger of a tenant table calls, that takes an advisory lock whose key has no tenant in it
-- why: all tenants share one key space: a tenant that guesses a key, or has the same number, makes another wait;
--   and a session lock stays with the pooled connection.
-- mend: lock a row instead; or make the key from current_setting(…) and the thing
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
), locks as (
    -- Each call, with its arguments as far as they close; not those whose key has the tenant in it.
    select f.oid, string_agg(distinct lower(m.call[1]), ', ') as names
    from functions f,
    regexp_matches(regexp_replace(case when f.prosrc <> '' or f.prokind not in ('f', 'p') then f.prosrc else pg_get_functiondef(f.oid) end,
                   '(''[^'']*'')|--[^\n\r]*|/\*([^*]|\*+[^*/])*\*+/', '\1 ', 'g'),
                   '\m(pg_(?:try_)?advisory_(?:xact_)?lock\w*)"?\s*(\((?:[^()]|\((?:[^()]|\((?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*\))*\))*\)|\()', 'gi') as m (call)
    where m.call[2] !~* ('\mcurrent_setting"?\s*\(\s*''+' || regexp_replace(current_setting('audit.setting'), '(\W)', '\\\1', 'g') || '''')
    group by f.oid
)
select f.signature as object,
       format('takes %s; %s', l.names, coalesce(c.roles || ' may call it', 'a trigger of a tenant table calls it')) as detail,
       null::text as fix
from functions f
join locks l on l.oid = f.oid
left join callable c on c.oid = f.oid
where c.oid is not null
   or f.oid in (select g.tgfoid from pg_trigger g join tables t on t.oid = g.tgrelid where not g.tgisinternal)
order by 1;
