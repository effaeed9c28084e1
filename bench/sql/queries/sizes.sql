-- What the catalogue takes, in bytes.
select c.relname as name, pg_relation_size(c.oid) as bytes
from pg_class c
where c.relnamespace = 'tenant'::regnamespace and c.relname like 'product%'
order by 2 desc
