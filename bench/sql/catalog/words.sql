-- As registry.keep_product_words would write them, all at once.
insert into tenant.product_words (tenant_id, word)
select tenant_id, word
from (
    select distinct tenant_id, unnest(string_to_array(registry.search_fold(
               name || ' ' || array_to_string(tags, ' ') || ' ' || description), ' ')) as word
    from public.goods
) w
where char_length(word) between 3 and 40 and word !~ '[0-9]'
