-- One word that was asked for, with all that it may stand for. stem: the word as the language knows it. unfinished: it
-- may go on. Not a door: it reads the tenant's words with the caller's rights.
create or replace function registry.product_word(
        tenant uuid, config regconfig, folded text, stem tsquery, unfinished boolean) returns tsquery
    language plpgsql stable parallel safe set search_path = ''
as $$
declare
    part tsquery := stem;
    last_char constant text := chr(1114111);
    known boolean;
begin
    if position(' ' in folded) > 0 then
        part := part || phraseto_tsquery('pg_catalog.simple', replace(folded, ' ', ''))
                     || phraseto_tsquery(config, replace(folded, ' ', ''));
    end if;
    if unfinished then
        part := part || to_tsquery('pg_catalog.simple', '''' || folded || ''':*');
    end if;
    if char_length(folded) not between 4 and 30 or folded ~ '[ 0-9]' then
        return part;
    end if;
    -- Where the beginning of a word is no beginning of its stem (runni, run), the words that begin so lead to theirs.
    if unfinished then
        part := coalesce(part || (
            select string_agg(phraseto_tsquery(config, w.word)::text, ' | ')
            from (select k.word from tenant.product_words k
                  where k.tenant_id = tenant and k.word >= folded and k.word < folded || last_char
                  order by k.word limit 32) w
            where numnode(phraseto_tsquery(config, w.word)) > 0)::tsquery, part);
    end if;
    -- That other words begin so does not make it known: "bord" may become "border", and may have been "board". A word that
    -- the language leaves out needs no mending.
    known := numnode(stem) = 0
        or exists (select from tenant.product_words w where w.tenant_id = tenant and w.word = folded)
        or exists (select from tenant.products p
                   where p.tenant_id = tenant and p.search operator(search.@@@) registry.mark_query(tenant, stem));
    if not known then
        part := coalesce(part || (
            select string_agg(phraseto_tsquery(config, w)::text, ' | ')
            from registry.one_edit_away(tenant, folded) w
            where numnode(phraseto_tsquery(config, w)) > 0)::tsquery, part);
    end if;
    return part;
end
$$;
alter function registry.product_word(uuid, regconfig, text, tsquery, boolean) owner to rowhouse_owner;
revoke all on function registry.product_word(uuid, regconfig, text, tsquery, boolean) from public;
grant execute on function registry.product_word(uuid, regconfig, text, tsquery, boolean) to rowhouse_api;
