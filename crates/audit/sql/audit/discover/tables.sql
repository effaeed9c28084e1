-- Which tables hold rows of tenants: those in audit.schemas with a column that audit.columns names.
-- Partitions and inheritance children are tables too. Those of extensions are not ours to mend.
select c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
from unnest(string_to_array(current_setting('audit.schemas'), ',')::oid[]) as listed (oid)
join pg_namespace n on n.oid = listed.oid
join pg_class c on c.relnamespace = n.oid and c.relkind in ('r', 'p')
where exists (
      select from pg_attribute a
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        and a.attname = any (string_to_array(current_setting('audit.columns'), ',')::name[]))
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by name;
