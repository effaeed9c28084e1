-- A batch of a file, by SKU: new ones are made, others become what the file says, and those that are so already are left
-- alone. An array a column ($10: the tags of each, joined by the unit separator, which no tag contains).
with written as (
    insert into tenant.products (tenant_id, id, name, description, sku, price_minor, currency, stock, status, tags)
    select $1, r.id, r.name, r.description, r.sku, r.price_minor, r.currency, r.stock, r.status, string_to_array(r.tags, E'\x1f')
    from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::integer[], $9::text[], $10::text[])
         as r (id, name, description, sku, price_minor, currency, stock, status, tags)
    on conflict (tenant_id, sku) do update
    set name = excluded.name, description = excluded.description, price_minor = excluded.price_minor,
        currency = excluded.currency, stock = excluded.stock, status = excluded.status, tags = excluded.tags
    where (products.name, products.description, products.price_minor, products.currency, products.stock, products.status, products.tags)
          is distinct from
          (excluded.name, excluded.description, excluded.price_minor, excluded.currency, excluded.stock, excluded.status, excluded.tags)
    -- A row that was there before has been locked by the transaction that changes it.
    returning xmax = 0 as made
)
select count(*) filter (where made) as created, count(*) filter (where not made) as updated from written
