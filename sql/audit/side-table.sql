-- id: side-table
-- severity: error
-- finds: a table without tenant column and row level security that a trigger of a tenant table fills, and a runtime role may read
-- why: an audit or history table collects every tenant's rows in one place, and nothing there separates them.
--   Found by name in the source of the trigger functions: after INSERT INTO, UPDATE or MERGE INTO, or
--   anywhere where the source builds statements with EXECUTE.
-- mend: give the table the tenant column and a wall, or revoke SELECT on it
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
), sources as (
    select p.oid, p.proname, p.prosrc, string_agg(distinct t.name, ', ') as fed_by
    from pg_trigger g
    join tables t on t.oid = g.tgrelid
    join pg_proc p on p.oid = g.tgfoid
    where not g.tgisinternal
    group by p.oid, p.proname, p.prosrc
), words as (
    select s.oid, s.proname, s.fed_by, m.found[1] as word
    from sources s,
    regexp_matches(s.prosrc, '(?:insert\s+into|update|merge\s+into)\s+(?:only\s+)?(?:[\w$%"]+\s*\.\s*)?"?([\w$]+)', 'gi') as m (found)
    union
    select s.oid, s.proname, s.fed_by, w
    from sources s, regexp_split_to_table(s.prosrc, '[^\w$]+') as w
    where s.prosrc ~* '\mexecute\M'
)
select s.name || '.' || quote_ident(c.relname) as object,
       format('filled by %s on %s; %s may read every tenant''s rows there', string_agg(distinct w.proname || '()', ', '),
              string_agg(distinct w.fed_by, ', '), string_agg(distinct r.rolname, ', ')) as detail,
       format('revoke select on %s.%I from %s', s.name, c.relname, string_agg(distinct quote_ident(r.rolname), ', ')) as fix
from words w
join pg_class c on c.relname in (w.word, lower(w.word)) and c.relkind in ('r', 'p') and not c.relrowsecurity
join schemas s on s.oid = c.relnamespace
join runtime r on has_table_privilege(r.oid, c.oid, 'select') or has_any_column_privilege(r.oid, c.oid, 'select')
where c.oid not in (select oid from tables)
group by s.name, c.relname
order by 1;
