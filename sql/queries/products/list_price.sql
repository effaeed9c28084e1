-- By price in minor units, up to $6, off (tenant_id, status, in_stock, price_minor, id). $2 and $3 are the statuses and the
-- kinds of stock asked for: each pair is a stretch of the index, in order, and the page is merged from a page of each.
-- The page ends early where $8 bytes of descriptions stand before a row.
-- $2 statuses text[] = '{draft,active,archived}'
-- $3 in_stock boolean[] = '{true,false}'
-- $4 after bigint = 1000 or 0
-- $5 after_id uuid = {nil}
-- $6 most_minor bigint = 9223372036854775807
-- $7 rows bigint = {page}
-- $8 bytes bigint = {bytes}
-- plan: skip: tests/api/product_plans.rs asks with every filter
select id, name, description, sku, price_minor, currency, stock, status, tags, created_at, updated_at, version
from (
    select *, sum(octet_length(description)) over (order by price_minor, id rows between unbounded preceding and 1 preceding) as before
    from (
        select p.id, p.name, p.description, p.sku, p.price_minor, p.currency, p.stock, p.status, p.tags, p.created_at, p.updated_at, p.version
        from unnest($2::text[]) s (status)
        cross join unnest($3::boolean[]) i (in_stock)
        cross join lateral (
            select id, name, description, sku, price_minor, currency, stock, status, tags, created_at, updated_at, version
            from tenant.products
            where tenant_id = $1 and status = s.status and in_stock = i.in_stock and (price_minor, id) > ($4, $5) and price_minor <= $6
            order by price_minor, id
            limit $7
        ) p
        order by p.price_minor, p.id
        limit $7
    ) page
) page
where coalesce(before, 0) < $8
order by price_minor, id
