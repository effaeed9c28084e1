-- Whether an index is there, and whether it is good.
select i.indisvalid as valid from pg_catalog.pg_index i where i.indexrelid = pg_catalog.to_regclass($1::text)
