-- Newest first, off (tenant_id, status, in_stock, id), made from $5 on. $2 and $3 are the statuses and the
-- kinds of stock asked for: each pair is a stretch of the index, in order, and the page is merged from a page of each.
-- The page ends early where $7 bytes of descriptions stand before a row.
-- $2 statuses text[] = '{draft,active,archived}'
-- $3 in_stock boolean[] = '{true,false}'
-- $4 before uuid = {middle} or {max}
-- $5 down_to uuid = {nil}
-- $6 rows bigint = {page}
-- $7 bytes bigint = {bytes}
-- plan: skip: tests/api/product_plans.rs asks with every filter
select id, name, description, sku, price_minor, currency, stock, status, tags, created_at, updated_at, version
from (
    select *, sum(octet_length(description)) over (order by id desc rows between unbounded preceding and 1 preceding) as before
    from (
        select p.id, p.name, p.description, p.sku, p.price_minor, p.currency, p.stock, p.status, p.tags, p.created_at, p.updated_at, p.version
        from unnest($2::text[]) s (status)
        cross join unnest($3::boolean[]) i (in_stock)
        cross join lateral (
            select id, name, description, sku, price_minor, currency, stock, status, tags, created_at, updated_at, version
            from tenant.products
            where tenant_id = $1 and status = s.status and in_stock = i.in_stock and id < $4 and id >= $5
            order by id desc
            limit $6
        ) p
        order by p.id desc
        limit $6
    ) page
) page
where coalesce(before, 0) < $7
order by id desc
