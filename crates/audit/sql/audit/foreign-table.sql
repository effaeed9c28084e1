-- id: foreign-table
-- severity: error
-- finds: a foreign table that a runtime role may use
-- why: a foreign table cannot carry policies, and the other side sees one user whoever asks. A warning where it
--   has no tenant column.
-- mend: revoke it, or let the other side have the wall and a user mapping for each role
with runtime as (
    select r.oid, r.rolname
    from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
    join pg_roles r on r.oid = listed.oid
    where not r.rolsuper  -- it may do everything; role-bypasses says so
), schemas as (
    select n.oid, quote_ident(n.nspname) as name
    from unnest(string_to_array(current_setting('audit.schemas'), ',')::oid[]) as listed (oid)
    join pg_namespace n on n.oid = listed.oid
)
select s.name || '.' || quote_ident(c.relname) as object,
       format('%s; no policy applies; open to %s',
              case when t.is_tenant then 'it has a tenant column' else 'it has no tenant column' end,
              string_agg(r.rolname, ', ' order by r.rolname)) as detail,
       format('revoke all on %s.%I from %s', s.name, c.relname, string_agg(quote_ident(r.rolname), ', ' order by r.rolname)) as fix,
       case when t.is_tenant then 'error' else 'warning' end as severity
from schemas s
join pg_class c on c.relnamespace = s.oid and c.relkind = 'f'
join runtime r on has_table_privilege(r.oid, c.oid, 'select, insert, update, delete')
               or has_any_column_privilege(r.oid, c.oid, 'select, insert, update')
cross join lateral (
    select exists (
        select from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          and a.attname = any (string_to_array(current_setting('audit.columns'), ',')::name[])) as is_tenant) t
group by s.name, c.relname, t.is_tenant
order by 1;
