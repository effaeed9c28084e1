-- How many a list in this order holds, as far as $6; all of it where that is null.
-- $2 statuses text[] = '{draft,active,archived}'
-- $3 in_stock boolean[] = '{true,false}'
-- $4 below uuid = {max}
-- $5 down_to uuid = {nil}
-- $6 most bigint = null
-- plan: skip: tests/api/product_plans.rs asks with every filter
select count(*) as counted
from (
    select from unnest($2::text[]) s (status)
    cross join unnest($3::boolean[]) i (in_stock)
    cross join lateral (
        select from tenant.products
        where tenant_id = $1 and status = s.status and in_stock = i.in_stock and id < $4 and id >= $5
        limit $6
    ) p
    limit $6
) as listed
