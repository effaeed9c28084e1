-- id: side-table
-- severity: error
-- finds: a table without tenant column, and without a policy that narrows it, that a trigger of a tenant table fills, and a runtime role may read
-- why: an audit or history table collects every tenant's rows in one place, and nothing there separates them.
--   Found by name in the source of the trigger functions, and of what they call: after INSERT INTO, UPDATE or MERGE INTO, or
--   anywhere where the source builds statements with EXECUTE.
-- mend: give the table the tenant column and a wall, or revoke SELECT on it
with recursive runtime as (
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
), policies as (
    -- Which policies bind which runtime role, and which of them let every row pass.
    select p.polrelid, r.oid as role, p.polcmd, p.polpermissive,
           coalesce(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) = 'true' as literally_true
    from pg_policy p
    join runtime r on exists (select from unnest(p.polroles) as named where named = 0 or pg_has_role(r.oid, named, 'usage'))
), passed as (
    -- Who gets every row of a table with row level security, by which command.
    select p.polrelid, p.role, c.command
    from policies p
    join (values ('r'), ('a'), ('w'), ('d')) as c (command) on p.polcmd in ('*', c.command::"char")
    group by p.polrelid, p.role, c.command
    having bool_or(p.polpermissive and p.literally_true) and not bool_or(not p.polpermissive and not p.literally_true)
), reads as (
    -- Which view or materialized view reads which relation.
    select distinct w.ev_class as view, d.refobjid as relation
    from pg_rewrite w
    join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
                    and d.refclassid = 'pg_class'::regclass and d.refobjid <> w.ev_class
    where w.rulename = '_RETURN'
), over (oid) as (
    select oid from tables
    union
    select r.view from over join reads r on r.relation = over.oid
), triggers as (
    select distinct g.tgfoid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from over
    join pg_trigger g on g.tgrelid = over.oid and not g.tgisinternal
    join pg_class c on c.oid = over.oid
    join pg_namespace n on n.oid = c.relnamespace
), bodies as materialized (
    -- Without comments; a body in SQL's own form has no prosrc.
    select p.oid, p.proname,
           regexp_replace(case when p.prosrc <> '' or p.prokind not in ('f', 'p') then p.prosrc else pg_get_functiondef(p.oid) end,
                          '(''[^'']*'')|--[^\n\r]*|/\*([^*]|\*+[^*/])*\*+/', '\1 ', 'g') as source
    from pg_proc p
    where p.oid in (select tgfoid from triggers)
       or p.prokind in ('f', 'p') and p.pronamespace in (select oid from schemas)
          and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
), calls as (
    select distinct b.oid, lower(w.called[1]) as word
    from bodies b, regexp_matches(b.source, '([\w$]+)"?\s*\(', 'g') as w (called)
    where lower(w.called[1]) in (select lower(proname) from bodies)
), sources (oid, fed_by) as (
    select tgfoid, name::text collate "C" from triggers
    union
    select b.oid, s.fed_by
    from sources s
    join calls c on c.oid = s.oid
    join bodies b on lower(b.proname) = c.word
), words as (
    select b.oid, b.proname, m.found[1] as word
    from bodies b,
    regexp_matches(b.source, '(?:insert\s+into|update|merge\s+into)\s+(?:only\s+)?(?:[\w$%"]+\s*\.\s*)?"?([\w$]+)', 'gi') as m (found)
    where b.oid in (select oid from sources)
    union
    select b.oid, b.proname, w
    from bodies b, regexp_split_to_table(b.source, '[^\w$]+') as w
    where b.oid in (select oid from sources) and b.source ~* '\mexecute\M'
)
select s.name || '.' || quote_ident(c.relname) as object,
       format('filled by %s on %s; %s may read every tenant''s rows there', string_agg(distinct w.proname || '()', ', '),
              string_agg(distinct f.fed_by, ', '), string_agg(distinct r.rolname, ', ')) as detail,
       format('revoke select on %s.%I from %s', s.name, c.relname, string_agg(distinct quote_ident(r.rolname), ', ')) as fix
from words w
join sources f on f.oid = w.oid
join pg_class c on c.relname in (w.word, lower(w.word)) and c.relkind in ('r', 'p')
join schemas s on s.oid = c.relnamespace
join runtime r on (has_table_privilege(r.oid, c.oid, 'select') or has_any_column_privilege(r.oid, c.oid, 'select'))
              and (not c.relrowsecurity or exists (select from passed p where p.polrelid = c.oid and p.role = r.oid and p.command = 'r'))
where c.oid not in (select oid from tables)
group by s.name, c.relname
order by 1;
