-- Each tenant table's bare name, by which sub-selects in its policies refer to it, and its columns.
select c.oid, c.relname, a.attname
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.oid = any (string_to_array(current_setting('audit.tables'), ',')::oid[]);
