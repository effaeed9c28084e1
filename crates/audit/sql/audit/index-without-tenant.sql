-- id: index-without-tenant
-- severity: info
-- finds: a btree index on a tenant table that does not contain the tenant column
-- why: it is walked through all tenants' entries before the policy keeps one's own: slow, and the time tells of
--   the others' rows.
-- mend: let the index begin with the tenant column
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
select quote_ident(n.nspname) || '.' || quote_ident(i.relname) as object,
       format('on %s (%s)', t.name,
              (select string_agg(pg_get_indexdef(x.indexrelid, k, false), ', ' order by k) from generate_series(1, x.indnkeyatts) k)) as detail,
       null::text as fix
from tables t
join pg_index x on x.indrelid = t.oid and not x.indisunique
join pg_class i on i.oid = x.indexrelid and not i.relispartition
join pg_am m on m.oid = i.relam and m.amname = 'btree'
join pg_namespace n on n.oid = i.relnamespace
where not exists (
    select from tenant_columns c where c.attrelid = x.indrelid and c.attnum = any (x.indkey::int2[]))
order by 1;
