-- id: reached-definer
-- severity: warning
-- finds: a view or policy through which a runtime role calls a SECURITY DEFINER function that has no comment
-- why: a function in a view or policy is called without USAGE of its schema: a door that is not seen where the
--   schemas are listed. Those that may also be called by name are door-without-reason.
-- mend: comment on function … is 'why it has to run as its owner', or revoke execute on it
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
    select f.oid, f.signature, f.proowner, r.oid as role, r.rolname
    from functions f
    join runtime r on has_function_privilege(r.oid, f.oid, 'execute')
    where f.prosecdef and f.oid not in (select oid from callable) and obj_description(f.oid, 'pg_proc') is null
), uses as (
    select w.ev_class as relation, null::name as policy, d.refobjid as function
    from pg_depend d join pg_rewrite w on w.oid = d.objid and w.rulename = '_RETURN'
    where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_proc'::regclass
    union
    select p.polrelid, p.polname, d.refobjid
    from pg_depend d join pg_policy p on p.oid = d.objid
    where d.classid = 'pg_policy'::regclass and d.refclassid = 'pg_proc'::regclass
)
select quote_ident(n.nspname) || '.' || quote_ident(c.relname) || coalesce('.' || quote_ident(u.policy), '') as object,
       format('calls %s, which runs as %s, for %s', string_agg(distinct d.signature, ', '),
              string_agg(distinct d.proowner::regrole::text, ', '), string_agg(distinct d.rolname, ', ')) as detail,
       format('comment on routine %s is ''why it has to run as its owner''', min(d.signature)) as fix
from uses u
join doors d on d.oid = u.function
join pg_class c on c.oid = u.relation
join pg_namespace n on n.oid = c.relnamespace
where has_table_privilege(d.role, c.oid, 'select, insert, update, delete') or has_any_column_privilege(d.role, c.oid, 'select, insert, update')
group by n.nspname, c.relname, u.policy
order by 1;
