-- How what was typed may go on: names of active products that begin with it, and then words of the catalogue that begin
-- with its last word. $2 is what was typed, $3 its last word, $4 how many at most.
-- $2 typed text = 'brass'
-- $3 word text = 'brass'
-- $4 rows bigint = {page}
-- plan: skip: tests/api/product_plans.rs asks with every filter
with typed as materialized (
    select name, name || chr(1114111) as name_end, word, word || chr(1114111) as word_end
    from (select registry.search_fold($2) as name, registry.search_fold($3) as word) folded
), names as materialized (
    select p.name, p.name_key
    from tenant.products p
    where p.tenant_id = $1 and p.status = 'active'
      and p.name_key >= (select name from typed) and p.name_key < (select name_end from typed)
      and (select name <> '' from typed)
    order by p.name_key
    limit $4::bigint * 4
), words as materialized (
    select w.word
    from tenant.product_words w
    where w.tenant_id = $1
      and w.word >= (select word from typed) and w.word < (select word_end from typed)
      and (select word <> '' from typed)
    order by w.word
    limit $4::bigint * 4
)
select value, kind from (
    select min(n.name) as value, 'name' as kind, 1 as place, n.name_key as key from names n group by n.name_key
    union all
    select distinct w.word, 'word', 2, w.word from words w
) suggestions
order by place, key
limit $4::bigint
