-- What was asked, as queries over registry.product_document: with the tenant's mark for the index, and plain for showing
-- what matched. Parts come apart in Rust (resources/search): part n is of group groups[n], whose parts have all to be
-- there; one group is enough. kinds[n]: word; last, a word that may go on; phrase. negated[n]: must not be there.
-- A word of four letters and more that the catalogue does not know is taken for what it does know one edit away.
-- Null when no word is left to look for. Not a door: it reads the tenant's words with the caller's rights.
create or replace function registry.product_query(
        groups integer[], kinds text[], texts text[], negated boolean[], out marked tsquery, out plain tsquery)
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
    part tsquery;
    together tsquery;
begin
    for n in 1 .. cardinality(texts) loop
        if n > 1 and groups[n] <> groups[n - 1] then
            plain := coalesce(plain || together, plain, together);
            together := null;
        end if;
        continue when folded[n] = '';
        part := case when only_stop_words then phraseto_tsquery('pg_catalog.simple', folded[n])
                     else phraseto_tsquery(config, folded[n]) end;
        if kinds[n] <> 'phrase' then
            if position(' ' in folded[n]) > 0 then
                part := part || phraseto_tsquery('pg_catalog.simple', replace(folded[n], ' ', ''));
            end if;
            if kinds[n] = 'last' and not negated[n] then
                part := part || to_tsquery('pg_catalog.simple', '''' || folded[n] || ''':*');
            end if;
            if char_length(folded[n]) between 4 and 30 and folded[n] !~ '[ 0-9]' and not negated[n]
               and not registry.is_product_word(tenant, folded[n], part) then
                part := part || coalesce((
                    select string_agg(phraseto_tsquery(config, w)::text, ' | ')::tsquery
                    from registry.one_edit_away(tenant, folded[n]) w
                    where numnode(phraseto_tsquery(config, w)) > 0), '');
            end if;
        end if;
        continue when numnode(part) = 0;
        if negated[n] then part := !! part; end if;
        together := coalesce(together && part, part);
    end loop;
    plain := coalesce(plain || together, plain, together);
    marked := registry.mark_query(tenant, plain);
end
$$;
alter function registry.product_query(integer[], text[], text[], boolean[]) owner to rowhouse_owner;
revoke all on function registry.product_query(integer[], text[], text[], boolean[]) from public;
grant execute on function registry.product_query(integer[], text[], text[], boolean[]) to rowhouse_api;
