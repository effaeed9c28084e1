-- id: nullable-tenant
-- severity: warning
-- finds: a tenant column that may be null
-- why: a row of no tenant is lost to all, or seen by all as soon as a policy says "or tenant_id is null";
--   and a composite foreign key is not checked while one of its columns is null.
-- mend: alter table … alter column … set not null
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
), children as (
    select distinct i.inhrelid as oid
    from pg_inherits i join tables parent on parent.oid = i.inhparent
)
select t.name || '.' || quote_ident(c.attname) as object,
       'the tenant column accepts null' as detail,
       format('alter table %s alter column %I set not null', t.name, c.attname) as fix
from tenant_columns c
join tables t on t.oid = c.attrelid
join pg_type y on y.oid = c.atttypid
where not c.attnotnull and not y.typnotnull
  -- A child whose parent accepts null is mended there.
  and not exists (
      select from pg_inherits i
      join tenant_columns p on p.attrelid = i.inhparent and p.attname = c.attname and not p.attnotnull
      where i.inhrelid = c.attrelid)
  and not exists (
      select from pg_constraint k
      where k.conrelid = c.attrelid and k.contype = 'c' and k.convalidated and k.conkey = array[c.attnum]
        and pg_get_expr(k.conbin, k.conrelid) = format('(%I IS NOT NULL)', c.attname))
order by 1;
