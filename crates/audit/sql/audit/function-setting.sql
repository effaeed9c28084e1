-- id: function-setting
-- severity: error
-- finds: a function that sets the tenant, row_security or the role while it runs
-- why: inside it another tenant is the current one, or policies raise or apply as they do for another role;
--   whoever may call it moves with it.
-- mend: alter function … reset …
with schemas as (
    select n.oid, quote_ident(n.nspname) as name
    from unnest(string_to_array(current_setting('audit.schemas'), ',')::oid[]) as listed (oid)
    join pg_namespace n on n.oid = listed.oid
), functions as (
    select p.*, schemas.name || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')' as signature
    from schemas join pg_proc p on p.pronamespace = schemas.oid
    where not exists (  -- an extension's own functions are its author's
        select from pg_depend d
        where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
)
select f.signature as object,
       format('sets %s', string_agg(c.setting, ', ' order by c.setting)) as detail,
       format('alter routine %s %s', f.signature, string_agg('reset ' || split_part(c.setting, '=', 1), ' ' order by c.setting)) as fix
from functions f
cross join unnest(f.proconfig) as c (setting)
where lower(split_part(c.setting, '=', 1)) in (lower(current_setting('audit.setting')), 'role', 'session_authorization', 'session_replication_role')
   or c.setting ~* '^row_security=(off|false|no|0)$'
group by f.signature
order by 1;
