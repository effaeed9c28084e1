-- What matches, best first, and how many of it have which tag and which status. $2 to $5 are the parts of what was asked
-- (registry.product_query), $6 a status and $7 a tag or null, ($8, $9) the score and the id the page starts after, or
-- null. Words match through search.@@@, which is leakproof and so may use the index behind the wall (sql/bootstrap.sql).
-- The page ends early where $11 bytes of descriptions stand before a row.
-- The first row is there even where nothing matches: it carries the counts. Marks around what matched are two characters
-- of no alphabet, for whoever escapes the text to turn into markup (registry.headline).
-- $2 parts integer[] = '{0}'
-- $3 kinds text[] = '{last}'
-- $4 words text[] = '{brass}'
-- $5 negated boolean[] = '{false}'
-- $6 status text = null
-- $7 tag text = null
-- $8 after real = null
-- $9 after_id uuid = null
-- $10 rows bigint = {page}
-- $11 bytes bigint = {bytes}
-- plan: skip: tests/api/product_plans.rs asks with every filter
with query as materialized (
    select matching, ranking, plain from registry.product_query($2, $3, $4, $5)
), matching as materialized (
    select id, status, tags,
           coalesce(ts_rank('{0.1, 0.4, 0.6, 1.0}', search, (select ranking from query), 1), 0) as score
    from tenant.products
    where tenant_id = $1
      and search operator(search.@@@) (select matching from query)
      and ($6::text is null or status = $6)
      and ($7::text is null or $7 = any (tags))
), page as (
    select id, score from matching
    where $8::real is null or (score, id) < ($8, $9)
    order by score desc, id desc
    limit $10
), sized as (
    select page.score, p.*,
           coalesce(sum(octet_length(p.description)) over
               (order by page.score desc, page.id desc rows between unbounded preceding and 1 preceding), 0) as before
    from page join tenant.products p on p.tenant_id = $1 and p.id = page.id
), tag_counts as (
    select tag, count(*) as count from matching, unnest(tags) as tag group by tag order by count(*) desc, tag limit 20
), status_counts as (
    select status, count(*) as count from matching group by status
)
select array(select tag from tag_counts order by count desc, tag) as facet_tags,
       array(select count from tag_counts order by count desc, tag) as facet_tag_counts,
       array(select status from status_counts order by count desc, status) as facet_statuses,
       array(select count from status_counts order by count desc, status) as facet_status_counts,
       p.score,
       registry.headline(p.language, p.name, (select plain from query), 'HighlightAll=true') as name_marked,
       registry.headline(p.language, left(p.description, 2000), (select plain from query),
                         'MaxFragments=1, MinWords=12, MaxWords=36') as description_marked,
       p.id, p.name, p.description, p.sku, p.price_minor, p.currency, p.stock, p.status, p.tags, p.created_at, p.updated_at, p.version
from (select) one
left join sized p on p.before < $11
order by p.score desc, p.id desc
