-- id: foreign-key-skipped-on-null
-- severity: warning
-- finds: a composite foreign key, MATCH SIMPLE, whose tenant column may be null
-- why: MATCH SIMPLE checks nothing while one of the columns is null: a row without tenant may point anywhere.
-- mend: set the tenant column not null, or use MATCH FULL
with tables as (
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    join pg_class c on c.oid = listed.oid
    join pg_namespace n on n.oid = c.relnamespace
), tenant_columns as materialized (
    select a.attrelid, a.attnum, a.attname, a.attnotnull, a.atttypid, a.attacl
    from tables
    join pg_attribute a on a.attrelid = tables.oid and a.attnum > 0 and not a.attisdropped
    where a.attname = any (string_to_array(current_setting('audit.columns'), ',')::name[])
)
select t.name || '.' || quote_ident(k.conname) as object,
       format('%s is not checked where %I is null', pg_get_constraintdef(k.oid), c.attname) as detail,
       format('alter table %s alter column %I set not null', t.name, c.attname) as fix
from pg_constraint k
join tables t on t.oid = k.conrelid
join tenant_columns c on c.attrelid = t.oid and c.attnum = any (k.conkey) and not c.attnotnull
join pg_type y on y.oid = c.atttypid and not y.typnotnull
where k.contype = 'f' and k.conparentid = 0 and k.confmatchtype = 's' and cardinality(k.conkey) > 1
order by 1;
