-- How many a list in this order holds, as far as $7; all of it where that is null.
select count(*) as counted
from (
    select from unnest($2::text[]) s (status)
    cross join unnest($3::boolean[]) i (in_stock)
    cross join lateral (
        select from tenant.product_tags
        where tenant_id = $1 and status = s.status and in_stock = i.in_stock and tag = $4 and price_minor >= $5 and price_minor <= $6
        limit $7
    ) p
    limit $7
) as listed
