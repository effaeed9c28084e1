-- How what was typed may go on: names of active products that begin with it, and then words of the catalogue that begin
-- with its last word. $2 is what was typed, $3 its last word, $4 how many at most.
with typed as materialized (
    select registry.search_fold($2) as name, registry.search_fold($3) as word, chr(1114111) as last_char
), names as materialized (
    select p.name, p.name_key from tenant.products p, typed
    where p.tenant_id = $1 and p.status = 'active' and p.name_key >= typed.name and p.name_key < typed.name || typed.last_char
      and typed.name <> ''
    order by p.name_key
    limit $4::bigint * 4
), words as materialized (
    select distinct w.word from (
        select w.word from tenant.product_words w, typed
        where w.tenant_id = $1 and w.word >= typed.word and w.word < typed.word || typed.last_char and typed.word <> ''
        order by w.word
        limit $4::bigint * 4
    ) w
)
select value, kind from (
    select min(n.name) as value, 'name' as kind, 1 as place, n.name_key as key from names n group by n.name_key
    union all
    select w.word, 'word', 2, w.word from words w
) suggestions
order by place, key
limit $4::bigint
