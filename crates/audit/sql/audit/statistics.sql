-- id: statistics
-- severity: warning
-- finds: a column of addresses, names of people, tokens or hashes on a walled table of which statistics are collected, and which a
--   role that serves may select
-- why: statistics are made of every tenant's rows, and comparisons of texts are leakproof: the planner reads bounds of a histogram
--   for whoever asks, and EXPLAIN tells its estimate. Asked often enough, the estimates tell the bounds, which are values.
-- mend: alter table … alter column … set statistics 0, and have a superuser delete what pg_statistic has of it
select quote_ident(n.nspname) || '.' || quote_ident(c.relname) || '.' || quote_ident(a.attname) as object,
       format('%s may compare with it, and EXPLAIN estimates from values of every tenant',
              (select string_agg(r.rolname, ', ' order by r.rolname) from pg_roles r
               where r.oid = any (string_to_array(current_setting('audit.roles'), ',')::oid[])
                 and has_column_privilege(r.oid, c.oid, a.attnum, 'select'))) as detail,
       format('alter table %I.%I alter column %I set statistics 0', n.nspname, c.relname, a.attname) as fix
from unnest(string_to_array(current_setting('audit.schemas'), ',')::oid[]) as listed (oid)
join pg_namespace n on n.oid = listed.oid
join pg_class c on c.relnamespace = n.oid and c.relkind in ('r', 'p') and c.relrowsecurity
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where coalesce(a.attstattarget, -1) <> 0
  and a.atttypid in ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'bytea'::regtype)
  and a.attname ~* '(^|_)(e?mail|phone|address|token|secret|hash|password|passwd|full_name|first_name|last_name)(_|$)'
  and exists (select from pg_roles r
              where r.oid = any (string_to_array(current_setting('audit.roles'), ',')::oid[])
                and has_schema_privilege(r.oid, n.oid, 'usage') and has_column_privilege(r.oid, c.oid, a.attnum, 'select'))
order by 1;
