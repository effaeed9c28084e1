-- id: function-sets-tenant
-- severity: error
-- finds: a function within reach of a runtime role that sets the setting which names the tenant
-- why: whoever calls it inside a query, or writes a table whose trigger calls it, moves the wall for the rest of
--   the transaction. Found in the source: set_config with that name or one that is made up, SET likewise, and
--   UPDATE of pg_settings. A procedure cannot be called inside a query and is not looked at.
-- mend: revoke execute on the function; let the application set the tenant, once, before any query
with recursive runtime as (
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
), sources as materialized (
    -- Without comments; a body in SQL's own form has no prosrc.
    select f.oid, f.proname, f.pronamespace, f.proowner, f.prosecdef, f.signature,
           regexp_replace(case when f.prosrc <> '' or f.prokind not in ('f', 'p') then f.prosrc else pg_get_functiondef(f.oid) end,
                          '(''[^'']*'')|--[^\n\r]*|/\*([^*]|\*+[^*/])*\*+/', '\1 ', 'g') as source
    from functions f
    where f.prokind = 'f'
), setting as (
    -- Its name as a pattern, quoted or not.
    select replace(regexp_replace(current_setting('audit.setting'), '([^\w.])', '\\\1', 'g'), '.', '"?\s*\.\s*"?') as pattern
), sets as (
    select s.oid, s.signature,
           concat_ws(', ',
               case when exists (
                   select from regexp_matches(s.source, '\mset_config"?\s*\(\s*(?:e?''+([^'']*)''+\s*,)?', 'gi') as c (name)
                   where c.name[1] is null or c.name[1] ~* ('^' || g.pattern || '$')) then 'set_config' end,
               case when s.source ~* ('\mset\s+((local|session)\s+)?"?' || g.pattern || '"?\s*(=|\mto\M|''\s*\|\|)')
                      or s.source ~* '\mset\s+(local|session)\s+"?(%|''\s*\|\|)'
                      or s.source ~* '[''$;]\s*set\s+"?(%|''\s*\|\|)' then 'set' end,
               case when s.source ~* '\mupdate\s+("?pg_catalog"?\s*\.\s*)?"?pg_settings\M' then 'update of pg_settings' end) as how
    from sources s, setting g
), words as (
    select distinct s.oid, lower(w.called[1]) as word
    from sources s, regexp_matches(s.source, '([\w$]+)"?\s*\(', 'g') as w (called)
    where exists (select from sets where how <> '') and lower(w.called[1]) in (select lower(proname) from sources)
), reached (oid, actor, via) as (
    -- Functions that a runtime role may call, or runs by writing a table; then what these call, as whom they run.
    select s.oid, case when s.prosecdef then s.proowner else r.oid end, r.rolname::text collate "C" || ' may call it'
    from sources s
    join pg_proc p on p.oid = s.oid and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
    join runtime r on has_function_privilege(r.oid, s.oid, 'execute')
     and (has_schema_privilege(r.oid, s.pronamespace, 'usage')
          or exists (select from uses u
                     where u.function = s.oid
                       and (has_table_privilege(r.oid, u.relation, 'select, insert, update, delete')
                            or has_any_column_privilege(r.oid, u.relation, 'select, insert, update'))))
    union
    select s.oid, case when s.prosecdef then s.proowner else r.oid end, 'a trigger of ' || t.name::text collate "C" || ' calls it'
    from writable t
    join pg_trigger g on g.tgrelid = t.oid and not g.tgisinternal
    join sources s on s.oid = g.tgfoid
    join runtime r on has_table_privilege(r.oid, t.oid, 'insert, update, delete') or has_any_column_privilege(r.oid, t.oid, 'insert, update')
    union
    select s.oid, case when s.prosecdef then s.proowner else d.actor end, c.signature::text collate "C" || ' calls it'
    from reached d
    join sources c on c.oid = d.oid
    join words w on w.oid = d.oid
    join sources s on lower(s.proname) = w.word and s.oid <> d.oid
                  and has_function_privilege(d.actor, s.oid, 'execute') and has_schema_privilege(d.actor, s.pronamespace, 'usage')
)
select s.signature as object,
       format('sets the tenant by %s; %s', s.how, string_agg(distinct r.via, '; ')) as detail,
       format('revoke execute on function %s from public, and from all who serve', s.signature) as fix
from sets s
join reached r on r.oid = s.oid
where s.how <> ''
group by s.signature, s.how
order by 1;
