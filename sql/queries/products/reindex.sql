-- The next so many products in order of id, those in another language than $4 indexed anew (registry.index_product). No
-- row when there is none left.
with batch as materialized (
    select id, language
    from tenant.products
    where tenant_id = $1 and id > $2
    order by id
    limit $3
), written as (
    update tenant.products p
    set language = $4
    from batch
    where p.tenant_id = $1 and p.id = batch.id and batch.language <> $4
)
select (select id from batch order by id desc limit 1) as last, count(*) as passed from batch having count(*) > 0
