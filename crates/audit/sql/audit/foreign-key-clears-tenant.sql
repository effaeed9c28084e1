-- id: foreign-key-clears-tenant
-- severity: error
-- finds: a foreign key whose ON DELETE or ON UPDATE sets the tenant column to null or its default
-- why: deleting one row takes others out of their tenant, into none or into the default one.
-- mend: on delete set null (x_id), naming the columns to clear (PostgreSQL 15 and later), or restrict
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
), keys as (
    select k.*, nullif(to_jsonb(k) -> 'confdelsetcols', 'null') as set_columns  -- 15 and later
    from pg_constraint k join tables t on t.oid = k.conrelid
    where k.contype = 'f' and k.conparentid = 0
      and (k.confdeltype in ('n', 'd') or k.confupdtype in ('n', 'd'))
)
select t.name || '.' || quote_ident(k.conname) as object,
       format('%s sets %I as well', pg_get_constraintdef(k.oid), c.attname) as detail,
       format('alter table %s drop constraint %I, and add it again with on delete set null (%s)', t.name, k.conname,
              (select string_agg(quote_ident(a.attname), ', ' order by u.i) from generate_subscripts(k.conkey, 1) u (i)
               join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[u.i]
               where a.attnum <> c.attnum)) as fix
from keys k
join tables t on t.oid = k.conrelid
join tenant_columns c on c.attrelid = t.oid and c.attnum = any (k.conkey)
where k.confupdtype in ('n', 'd')
   or (k.confdeltype in ('n', 'd')
       and (k.set_columns is null or k.set_columns @> to_jsonb(c.attnum)))
order by 1;
