-- How many a list in this order holds, as far as $6; all of it where that is null.
-- $2 statuses text[] = '{draft,active,archived}'
-- $3 in_stock boolean[] = '{true,false}'
-- $4 least_minor bigint = 0
-- $5 most_minor bigint = 9223372036854775807
-- $6 most bigint = null
-- plan: skip: tests/api/product_plans.rs asks with every filter
select count(*) as counted
from (
    select from unnest($2::text[]) s (status)
    cross join unnest($3::boolean[]) i (in_stock)
    cross join lateral (
        select from tenant.products
        where tenant_id = $1 and status = s.status and in_stock = i.in_stock and price_minor >= $4 and price_minor <= $5
        limit $6
    ) p
    limit $6
) as listed
