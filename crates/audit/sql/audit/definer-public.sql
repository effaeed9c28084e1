-- id: definer-public
-- severity: warning
-- finds: a SECURITY DEFINER function that everyone may execute
-- why: EXECUTE goes to PUBLIC unless it is taken away: whichever role comes next has this door as well.
-- mend: revoke execute on function … from public, and grant it to the roles that need it
with runtime as (
    select r.oid, r.rolname
    from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
    join pg_roles r on r.oid = listed.oid
    where not r.rolsuper  -- it may do everything; role-bypasses says so
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
)
select f.signature as object,
       format('runs as %s for whoever calls it', f.proowner::regrole) as detail,
       format('revoke execute on routine %s from public', f.signature) as fix
from functions f
join callable c on c.oid = f.oid
where f.prosecdef and has_function_privilege('public', f.oid, 'execute')
order by 1;
