-- The next so many products in order of id, fewer where descriptions are long and so take long to index, those in
-- another language than $4 indexed anew (registry.index_product). No row when there is none left.
-- $2 after uuid = {nil}
-- $3 rows bigint = {page}
-- $4 language text = 'german'
with next as materialized (
    select id, language,
           sum(octet_length(description)) over (order by id rows between unbounded preceding and 1 preceding) as bytes_before
    from (
        select id, language, description
        from tenant.products
        where tenant_id = $1 and id > $2
        order by id
        limit $3
    ) page
), batch as materialized (
    select id, language from next where coalesce(bytes_before, 0) < 262144
), written as (
    update tenant.products p
    set language = $4
    from batch
    where p.tenant_id = $1 and p.id = batch.id and batch.language <> $4
)
select (select id from batch order by id desc limit 1) as last, count(*) as passed from batch having count(*) > 0
