-- id: unique-expression-without-tenant
-- severity: error
-- finds: a unique index over an expression on a tenant table, which a runtime role may write, that does not contain the tenant column
-- why: the same existence oracle as a unique key without the tenant, such as unique (lower(email)).
-- mend: let the index begin with the tenant column
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
select quote_ident(n.nspname) || '.' || quote_ident(i.relname) as object,
       format('unique over %s on %s, for all tenants together: an existence oracle, and a writer waits for another tenant''s uncommitted key',
              (select string_agg(pg_get_indexdef(x.indexrelid, k, false), ', ' order by k) from generate_series(1, x.indnkeyatts) k),
              t.name) as detail,
       format('drop index %I.%I; create unique index on %s (%I, %s)', n.nspname, i.relname, t.name,
              (select attname from tenant_columns c where c.attrelid = t.oid order by attnum limit 1),
              (select string_agg(pg_get_indexdef(x.indexrelid, k, false), ', ' order by k) from generate_series(1, x.indnkeyatts) k)) as fix
from tables t
join pg_index x on x.indrelid = t.oid and x.indisunique and x.indexprs is not null
join pg_class i on i.oid = x.indexrelid and not i.relispartition
join pg_namespace n on n.oid = i.relnamespace
where not exists (
        select from tenant_columns c
        where c.attrelid = x.indrelid
          and (c.attnum = any ((x.indkey::int2[])[0 : x.indnkeyatts - 1])
               -- Or it is part of what is unique, as in (tenant_id::text || code).
               or exists (select from pg_depend d
                          where d.classid = 'pg_class'::regclass and d.objid = x.indexrelid
                            and d.refclassid = 'pg_class'::regclass and d.refobjid = x.indrelid and d.refobjsubid = c.attnum)
                  and exists (select from generate_series(1, x.indnkeyatts) k
                              where regexp_replace(pg_get_indexdef(x.indexrelid, k, false), '''[^'']*''', '', 'g') ~ 
                                    ('(^|[^\w$])' || regexp_replace(c.attname, '(\W)', '\\\1', 'g') || '($|[^\w$])'))))
  and t.oid in (select oid from writable)
order by 1;
