-- id: notify-payload
-- severity: warning
-- finds: a trigger function of a tenant table that puts whole rows into NOTIFY
-- why: whoever can connect can LISTEN; there are no policies on channels, and every listener gets every
--   tenant's payload.
-- mend: send an id, and let the listener read the row behind the wall
with tables as (
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    join pg_class c on c.oid = listed.oid
    join pg_namespace n on n.oid = c.relnamespace
)
select quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '()' as object,
       format('notifies with the row itself, on %s', string_agg(distinct t.name, ', ')) as detail,
       null::text as fix
from tables t
join pg_trigger g on g.tgrelid = t.oid and not g.tgisinternal
join pg_proc p on p.oid = g.tgfoid
join pg_namespace n on n.oid = p.pronamespace
cross join lateral (
    select regexp_replace(p.prosrc, '(''[^'']*'')|--[^\n\r]*|/\*([^*]|\*+[^*/])*\*+/', '\1 ', 'g') as source) without_comments
where source ~* '\m(pg_notify|notify)\M'
  and (source ~* '\m(row_to_json|to_jsonb?|hstore|xmlforest|jsonb?_build_object)\s*\([^;]*\m(new|old)\M(\s*\.\s*\*)?\s*[,)]'
       or source ~* '\m(new|old)\s*::|\mcast\s*\(\s*(new|old)\s+as\M')
group by n.nspname, p.proname
order by 1;
