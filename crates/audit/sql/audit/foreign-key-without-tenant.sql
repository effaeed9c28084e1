-- id: foreign-key-without-tenant
-- severity: error
-- finds: a foreign key between tenant tables that does not pair tenant column with tenant column
-- why: keys are checked past every policy: another tenant's row is accepted as parent, the error tells whether
--   it exists, a delete there fails because of rows here, and ON DELETE CASCADE deletes across tenants.
-- mend: make the foreign key composite, (tenant_id, x_id) references (tenant_id, id)
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
), paired as (
    select k.oid
    from pg_constraint k
    cross join generate_subscripts(k.conkey, 1) as u (i)
    join tenant_columns here on here.attrelid = k.conrelid and here.attnum = k.conkey[u.i]
    join tenant_columns there on there.attrelid = k.confrelid and there.attnum = k.confkey[u.i]
    where k.contype = 'f'
)
select t.name || '.' || quote_ident(k.conname) as object,
       format('%s accepts a row of another tenant%s', pg_get_constraintdef(k.oid),
              case when k.confdeltype = 'c' then '; a delete there cascades to rows here, whosever they are'
                   when k.confdeltype in ('n', 'd') then '; a delete there changes rows here, whosever they are'
                   else '; a delete there is refused because of rows here, whosever they are' end) as detail,
       format('alter table %s drop constraint %I, add foreign key (%I, %s) references %s (%I, %s)%s',
              t.name, k.conname,
              (select attname from tenant_columns c where c.attrelid = t.oid order by attnum limit 1),
              (select string_agg(quote_ident(a.attname), ', ' order by u.i) from generate_subscripts(k.conkey, 1) u (i)
               join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[u.i]),
              f.name,
              (select attname from tenant_columns c where c.attrelid = f.oid order by attnum limit 1),
              (select string_agg(quote_ident(a.attname), ', ' order by u.i) from generate_subscripts(k.confkey, 1) u (i)
               join pg_attribute a on a.attrelid = k.confrelid and a.attnum = k.confkey[u.i]),
              case k.confdeltype when 'c' then ' on delete cascade' else '' end) as fix
from pg_constraint k
join tables t on t.oid = k.conrelid
join tables f on f.oid = k.confrelid
where k.contype = 'f' and k.conparentid = 0
  and not exists (select from paired p where p.oid = k.oid)
order by 1;
