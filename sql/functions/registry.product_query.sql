-- What was asked, as queries over registry.product_document: matching, with the tenant's mark, for the index; ranking,
-- the same without what must not be there; plain, without the mark, for showing what matched.
-- Parts come apart in Rust (api/products/words.rs): part n is of group groups[n], whose parts have all to be
-- there; one group is enough. kinds[n]: word; last, a word that may go on; phrase. negated[n]: must not be there.
-- A word of four letters and more that the catalogue does not know is taken for what it does know one edit away.
-- What it costs is bounded: 32 words at most come here, phrases included, each text once.
-- All null when no word is left to look for. Not a door: it reads the tenant's words with the caller's rights.
create or replace function registry.product_query(
        groups integer[], kinds text[], texts text[], negated boolean[],
        out matching tsquery, out ranking tsquery, out plain tsquery)
    language plpgsql stable parallel safe set search_path = ''
as $$
declare
    tenant constant uuid := current_setting('app.tenant_id')::uuid;
    config constant regconfig := ('pg_catalog.' || (select d.language from registry.tenant_defaults() d))::regconfig;
    folded constant text[] := array(
        select registry.search_fold(t.text) from unnest(texts) with ordinality t (text, n) order by t.n);
    -- Words the language leaves out count only where there is nothing else.
    only_stop_words constant boolean := not exists (
        select from unnest(folded) f where numnode(plainto_tsquery(config, f)) > 0);
    asked tsquery;
    part tsquery;
    together tsquery;
begin
    for n in 1 .. cardinality(texts) loop
        if n > 1 and groups[n] <> groups[n - 1] then
            asked := coalesce(asked || together, asked, together);
            together := null;
        end if;
        continue when folded[n] = '';
        part := case when only_stop_words then phraseto_tsquery('pg_catalog.simple', folded[n])
                     else phraseto_tsquery(config, folded[n]) end;
        -- A word the language leaves out, at the end as in the middle: who types "lamp with" does not ask for less than
        -- who typed "lamp".
        continue when numnode(part) = 0;
        if kinds[n] <> 'phrase' and not negated[n] then
            part := registry.product_word(tenant, config, folded[n], part, kinds[n] = 'last');
        end if;
        if negated[n] then
            part := !! part;
        else
            plain := coalesce(plain || part, part);
        end if;
        together := coalesce(together && part, part);
    end loop;
    asked := coalesce(asked || together, asked, together);
    -- How near words of a phrase stand to each other is weighed for each two of them at each two of their places, and looked
    -- for from each place anew to be shown: 0.1 s a product for 26 words that are there 250 times. More than six words are
    -- ranked and shown one by one.
    if numnode(plain) > 11 then
        plain := regexp_replace(plain::text, ' (&|<->|<[0-9]+>) ', ' | ', 'g')::tsquery;
    end if;
    ranking := registry.mark_query(tenant, plain);
    matching := registry.mark_query(tenant, asked);
    if true = any (negated) then
        -- Every product has the mark alone as a word: what is left out is left out of the tenant's, not of everybody's.
        matching := ('''' || registry.tenant_mark(tenant) || '''')::tsquery && matching;
    end if;
end
$$;
alter function registry.product_query(integer[], text[], text[], boolean[]) owner to rowhouse_owner;
revoke all on function registry.product_query(integer[], text[], text[], boolean[]) from public;
grant execute on function registry.product_query(integer[], text[], text[], boolean[]) to rowhouse_api;
