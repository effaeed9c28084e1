-- As list_newest, with one tag ($4), off the index of tenant.product_tags in the same order.
-- The page ends early where $8 bytes of descriptions stand before a row.
-- $2 statuses text[] = '{draft,active,archived}'
-- $3 in_stock boolean[] = '{true,false}'
-- $4 tag text = 'lighting'
-- $5 before uuid = {middle} or {max}
-- $6 down_to uuid = {nil}
-- $7 rows bigint = {page}
-- $8 bytes bigint = {bytes}
-- plan: skip: tests/api/product_plans.rs asks with every filter
select id, name, description, sku, price_minor, currency, stock, status, tags, created_at, updated_at, version
from (
    select p.id, p.name, p.description, p.sku, p.price_minor, p.currency, p.stock, p.status, p.tags, p.created_at, p.updated_at, p.version,
           sum(octet_length(p.description)) over (order by page.product_id desc rows between unbounded preceding and 1 preceding) as before
    from (
        select t.product_id
        from unnest($2::text[]) s (status)
        cross join unnest($3::boolean[]) i (in_stock)
        cross join lateral (
            select product_id, name, price_minor, sku
            from tenant.product_tags
            where tenant_id = $1 and tag = $4 and status = s.status and in_stock = i.in_stock and product_id < $5 and product_id >= $6
            order by product_id desc
            limit $7
        ) t
        order by t.product_id desc
        limit $7
    ) page
    join tenant.products p on p.tenant_id = $1 and p.id = page.product_id
    order by page.product_id desc
) page
where coalesce(before, 0) < $8
order by id desc
