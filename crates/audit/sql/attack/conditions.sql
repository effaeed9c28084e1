-- Each modelled table that has a tenant column, as the beginning of a statement: `schema.table where column`.
select quote_ident(n.nspname) || '.' || quote_ident(c.relname) || ' where ' || quote_ident(a.attname)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                   and a.attname = any (string_to_array(current_setting('audit.columns'), ','))
where c.oid = any (string_to_array(current_setting('audit.modelled'), ',')::oid[]);
