-- All of a tenant's products by SKU, off its unique key, a batch at a time: $3 of them, or fewer where descriptions and
-- tags are long, of which a batch holds a megabyte and the last.
-- $2 after text = 'sku-1000' or ''
-- $3 rows bigint = {page}
select sku, name, description, price_minor, currency, stock, status, tags
from (
    select sku, name, description, price_minor, currency, stock, status, tags,
           sum(coalesce(octet_length(description), 0) + octet_length(array_to_string(tags, '')))
               over (order by sku rows between unbounded preceding and 1 preceding) as bytes_before
    from (
        select sku, name, description, price_minor, currency, stock, status, tags
        from tenant.products
        where tenant_id = $1 and sku > $2 and tenant_id = (select registry.require_feature('exports', 'products:read'))
        order by sku
        limit $3
    ) next
) measured
where coalesce(bytes_before, 0) < 1048576
order by sku
