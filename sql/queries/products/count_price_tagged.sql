-- How many a list in this order holds, as far as $7; all of it where that is null.
-- $2 statuses text[] = '{draft,active,archived}'
-- $3 in_stock boolean[] = '{true,false}'
-- $4 tag text = 'lighting'
-- $5 least_minor bigint = 0
-- $6 most_minor bigint = 9223372036854775807
-- $7 most bigint = null
-- plan: skip: tests/api/product_plans.rs asks with every filter
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
