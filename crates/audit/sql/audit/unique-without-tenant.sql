-- id: unique-without-tenant
-- severity: error
-- finds: a unique key on a tenant table, which a runtime role may write, that does not contain the tenant column
-- why: uniqueness is checked across all tenants, past every policy. An insert that fails, or an upsert that
--   inserts nothing, says that another tenant has the value: an existence oracle. And a writer waits for
--   another tenant's uncommitted row of the same key, or holds it up. A key that is one uuid cannot be guessed
--   and is a warning only.
-- mend: let the key begin with the tenant column
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
), keys as (
    select x.indexrelid, x.indrelid, x.indkey, k.conname, k.contype,
           (select string_agg(quote_ident(a.attname), ', ' order by u.position)
            from unnest(x.indkey::int2[]) with ordinality as u (attnum, position)
            join pg_attribute a on a.attrelid = x.indrelid and a.attnum = u.attnum
            where u.position <= x.indnkeyatts) as columns,
           x.indnkeyatts = 1 and x.indclass[0] in (select c.oid from pg_opclass c where c.opcintype = 'uuid'::regtype) as one_uuid
    from writable w
    join pg_index x on x.indrelid = w.oid and x.indisunique and x.indexprs is null
    left join pg_constraint k on k.conindid = x.indexrelid and k.contype in ('p', 'u') and k.conrelid = x.indrelid
    where not exists (
        select from tenant_columns c
        where c.attrelid = x.indrelid and c.attnum = any ((x.indkey::int2[])[0 : x.indnkeyatts - 1]))
)
select case when k.conname is null then quote_ident(n.nspname) || '.' || quote_ident(i.relname)
            else t.name || '.' || quote_ident(k.conname) end as object,
       format('%s (%s) %s: %s', case k.contype when 'p' then 'primary key' when 'u' then 'unique' else 'unique index' end, k.columns,
              case when k.conname is null then 'on ' || t.name || ' is the same for all tenants' else 'is the same for all tenants' end,
              case when k.one_uuid then 'whoever knows an id learns whether it exists, and can make its writer wait'
                   else 'an existence oracle, and a writer waits for another tenant''s uncommitted key' end) as detail,
       case when k.conname is null
            then format('drop index %I.%I; create unique index on %s (%I, %s)', n.nspname, i.relname, t.name,
                        c.attname, k.columns)
            else format('alter table %s drop constraint %I, add %s (%I, %s)', t.name, k.conname,
                        case k.contype when 'p' then 'primary key' else 'unique' end, c.attname, k.columns) end as fix,
       case when k.one_uuid then 'warning' else 'error' end as severity
from keys k
join pg_class i on i.oid = k.indexrelid and not i.relispartition
join tables t on t.oid = k.indrelid
join pg_namespace n on n.oid = i.relnamespace
cross join lateral (
    select attname from tenant_columns c where c.attrelid = t.oid order by attnum limit 1) c
order by 1;
