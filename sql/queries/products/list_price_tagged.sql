-- As list_price, with one tag ($4), off the index of tenant.product_tags in the same order.
-- The page ends early where $9 bytes of descriptions stand before a row.
-- $2 statuses text[] = '{draft,active,archived}'
-- $3 in_stock boolean[] = '{true,false}'
-- $4 tag text = 'lighting'
-- $5 after bigint = 1000 or 0
-- $6 after_id uuid = {nil}
-- $7 most_minor bigint = 9223372036854775807
-- $8 rows bigint = {page}
-- $9 bytes bigint = {bytes}
-- plan: skip: tests/api/product_plans.rs asks with every filter
select id, name, description, sku, price_minor, currency, stock, status, tags, created_at, updated_at, version
from (
    select p.id, p.name, p.description, p.sku, p.price_minor, p.currency, p.stock, p.status, p.tags, p.created_at, p.updated_at, p.version,
           sum(octet_length(p.description)) over (order by page.price_minor, page.product_id rows between unbounded preceding and 1 preceding) as before
    from (
        select t.product_id, t.price_minor
        from unnest($2::text[]) s (status)
        cross join unnest($3::boolean[]) i (in_stock)
        cross join lateral (
            select product_id, name, price_minor, sku
            from tenant.product_tags
            where tenant_id = $1 and tag = $4 and status = s.status and in_stock = i.in_stock and (price_minor, product_id) > ($5, $6) and price_minor <= $7
            order by price_minor, product_id
            limit $8
        ) t
        order by t.price_minor, t.product_id
        limit $8
    ) page
    join tenant.products p on p.tenant_id = $1 and p.id = page.product_id
    order by page.price_minor, page.product_id
) page
where coalesce(before, 0) < $9
order by price_minor, id
