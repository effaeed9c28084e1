-- A batch of a file, by SKU: those that are there become what the file says of them, and are left alone where they are so
-- already; the others are made. An array a column. Null is what the file does not speak of; an empty description says that
-- there is none, an empty currency that it is the tenant's. $10: the tags of each, joined by the unit separator, which no
-- tag contains. missed: made by somebody else meanwhile; the same statement once more finds them there.
-- $2 ids uuid[] = array[{new}]
-- $3 names text[] = '{planted}'
-- $4 descriptions text[] = '{null}'
-- $5 skus text[] = '{planted}'
-- $6 prices_minor bigint[] = '{1}'
-- $7 currencies text[] = '{EUR}'
-- $8 stocks integer[] = '{1}'
-- $9 statuses text[] = '{active}'
-- $10 tags text[] = '{a}'
with line as materialized (
    select r.id, r.name, r.description, r.sku, r.price_minor, r.stock, r.status, string_to_array(r.tags, E'\x1f') as tags,
           case when r.currency = '' then (select d.currency from registry.tenant_defaults() d) else r.currency end as currency
    from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::integer[], $9::text[], $10::text[])
         as r (id, name, description, sku, price_minor, currency, stock, status, tags)
), changed as (
    update tenant.products p
    set name        = line.name,
        description = case when line.description is null then p.description else nullif(line.description, '') end,
        price_minor = line.price_minor,
        currency    = coalesce(line.currency, p.currency),
        stock       = coalesce(line.stock, p.stock),
        status      = coalesce(line.status, p.status),
        tags        = coalesce(line.tags, p.tags)
    from line
    where p.tenant_id = $1 and p.sku = line.sku
      and (p.name <> line.name or p.price_minor <> line.price_minor or p.currency <> line.currency
           or p.stock <> line.stock or p.status <> line.status or p.tags <> line.tags
           or (line.description is not null and p.description is distinct from nullif(line.description, '')))
    returning p.sku
), new as materialized (
    select line.* from line
    where not exists (select from tenant.products p where p.tenant_id = $1 and p.sku = line.sku)
), made as (
    insert into tenant.products (tenant_id, id, name, description, sku, price_minor, currency, stock, status, tags)
    select $1, new.id, new.name, nullif(new.description, ''), new.sku, new.price_minor, new.currency,
           coalesce(new.stock, 0), coalesce(new.status, 'active'), coalesce(new.tags, '{}')
    from new
    on conflict (tenant_id, sku) do nothing
    returning sku
)
select (select count(*) from made) as created, (select count(*) from changed) as updated,
       (select count(*) from new) - (select count(*) from made) as missed
