select quote_ident(attname) as quoted, format_type(atttypid, atttypmod) as type
from pg_attribute
where attrelid = to_regclass($1) and attname = $2 and attnum > 0 and not attisdropped
