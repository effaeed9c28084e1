-- How many a list in this order holds, as far as $6; all of it where that is null.
select count(*) as counted
from (
    select from unnest($2::text[]) s (status)
    cross join unnest($3::boolean[]) i (in_stock)
    join tenant.products p on p.tenant_id = $1 and p.status = s.status and p.in_stock = i.in_stock and p.id < $4 and p.id >= $5
    limit $6
) as listed
