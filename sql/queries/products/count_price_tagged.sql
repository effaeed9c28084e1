-- How many a list in this order holds, as far as $7; all of it where that is null.
select count(*) as counted
from (
    select from unnest($2::text[]) s (status)
    cross join unnest($3::boolean[]) i (in_stock)
    join tenant.product_tags p on p.tenant_id = $1 and p.status = s.status and p.in_stock = i.in_stock and p.tag = $4 and p.price_minor >= $5 and p.price_minor <= $6
    limit $7
) as listed
