-- id: immutable-setting
-- severity: error
-- finds: an IMMUTABLE function that reads a setting, itself or through functions it calls
-- why: the planner folds it into the plan as a constant. A prepared plan made for one tenant then serves its rows
--   to the next.
-- mend: alter function … stable
with recursive schemas as (
    select n.oid, quote_ident(n.nspname) as name
    from unnest(string_to_array(current_setting('audit.schemas'), ',')::oid[]) as listed (oid)
    join pg_namespace n on n.oid = listed.oid
), functions as (
    select p.*, schemas.name || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')' as signature
    from schemas join pg_proc p on p.pronamespace = schemas.oid
    where not exists (  -- an extension's own functions are its author's
        select from pg_depend d
        where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
), sources as (
    select f.oid, f.proname, f.signature, f.provolatile,
           -- Without comments; a body in SQL's own form has no prosrc.
           regexp_replace(case when f.prosrc <> '' or f.prokind not in ('f', 'p') then f.prosrc else pg_get_functiondef(f.oid) end, '(''[^'']*'')|--[^\n\r]*|/\*([^*]|\*+[^*/])*\*+/', '\1 ', 'g') as source
    from functions f
), words as (
    select distinct s.oid, lower(w.called[1]) as word
    from sources s, regexp_matches(s.source, '([\w$]+)"?\s*\(', 'g') as w (called)
    where lower(w.called[1]) = 'current_setting' or lower(w.called[1]) in (select lower(proname) from sources)
), reads (oid, via) as (
    select oid, null::text collate "C" from words where word = 'current_setting'
    union
    select w.oid, s.signature::text collate "C"
    from reads r
    join sources s on s.oid = r.oid
    join words w on w.word = lower(s.proname) and w.oid <> r.oid
)
select s.signature as object,
       'reads a setting ' || string_agg(coalesce('through ' || r.via, 'itself'), ', ' order by r.via nulls first) as detail,
       format('alter function %s stable', s.signature) as fix
from reads r
join sources s on s.oid = r.oid
where s.provolatile = 'i'
group by s.signature
order by 1;
