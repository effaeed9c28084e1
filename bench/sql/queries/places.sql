-- What stands before the middle page and before the last of a list, with $2 to $8 as its filters, in the order of $9;
-- how much of it there is.
with listed as (
    select id, name, price_minor, sku, count(*) over () as all_of_it, row_number() over (
               order by case when $9 = 'newest' then id end desc, case when $9 = 'name' then name end,
                        case when $9 = 'price' then price_minor end, case when $9 = 'sku' then sku end, id) as place
    from tenant.products
    where tenant_id = $1 and status = any ($2) and in_stock = any ($3) and ($4::text is null or $4 = any (tags))
      and price_minor between $5 and $6 and id >= $7 and id < $8
)
select place, all_of_it, id, name, price_minor, sku from listed
where place in (all_of_it / 2, all_of_it - 20)
order by place
