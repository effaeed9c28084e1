-- id: exclusion-without-tenant
-- severity: error
-- finds: an exclusion constraint on a tenant table, which a runtime role may write, that does not compare the tenant column with =
-- why: one tenant's booking refuses another's and thereby tells that it is there.
-- mend: add the tenant column `with =` (extension btree_gist)
with recursive runtime as (
    select r.oid, r.rolname
    from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
    join pg_roles r on r.oid = listed.oid
    where not r.rolsuper  -- it may do everything; role-bypasses says so
), tables as (
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    join pg_class c on c.oid = listed.oid
    join pg_namespace n on n.oid = c.relnamespace
), tenant_columns as materialized (
    select a.attrelid, a.attnum, a.attname, a.attnotnull, a.atttypid, a.attacl
    from tables
    join pg_attribute a on a.attrelid = tables.oid and a.attnum > 0 and not a.attisdropped
    where a.attname = any (string_to_array(current_setting('audit.columns'), ',')::name[])
), lineage (oid, ancestor) as (
    -- A tenant table, and what it is a partition or child of: whoever writes that writes it too.
    select oid, oid from tables
    union
    select l.oid, i.inhparent from lineage l join pg_inherits i on i.inhrelid = l.ancestor
), writable as (
    select distinct l.oid
    from lineage l
    join runtime r on has_table_privilege(r.oid, l.ancestor, 'insert, update')
                   or has_any_column_privilege(r.oid, l.ancestor, 'insert, update')
)
select t.name || '.' || quote_ident(k.conname) as object,
       format('%s holds for all tenants together: an existence oracle', pg_get_constraintdef(k.oid)) as detail,
       format('alter table %s drop constraint %I, and add it again with %I with =', t.name, k.conname,
              (select attname from tenant_columns c where c.attrelid = t.oid order by attnum limit 1)) as fix
from tables t
join pg_constraint k on k.conrelid = t.oid and k.contype = 'x' and k.conparentid = 0
where not exists (
        select from generate_subscripts(k.conkey, 1) as u (i)
        join tenant_columns c on c.attrelid = t.oid and c.attnum = k.conkey[u.i]
        join pg_operator o on o.oid = k.conexclop[u.i] and o.oprname = '=')
  and t.oid in (select oid from writable)
order by 1;
