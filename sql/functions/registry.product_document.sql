-- A product's words with their places and weights: A the name, B the SKU, C the tags, D the description. Names and tags
-- stand twice, stemmed and as they are: what somebody is still typing is the beginning of a word, not of a stem.
-- Between the parts are a hundred places, so that no phrase goes from the end of one to the beginning of the next.
-- Words with signs inside stand there without them as well (registry.joined_words).
-- Words hold letters and digits alone, so that in its text form a tsvector has a quote before each word and nowhere
-- else; that is where the tenant's mark goes.
create or replace function registry.product_document(
        tenant uuid, language text, name text, sku text, tags text[], description text) returns tsvector
    language plpgsql stable parallel safe set search_path = ''
as $$
declare
    config regconfig := ('pg_catalog.' || language)::regconfig;
    folded_name text := registry.search_fold(name);
    folded_sku text := registry.search_fold(sku);
    folded_tags text := registry.search_fold(array_to_string(tags, ' '));
    joined_name text := registry.search_fold(coalesce(registry.joined_words(name), ''));
    joined_tags text := registry.search_fold(coalesce(registry.joined_words(array_to_string(tags, ' ')), ''));
    joined_description text := registry.search_fold(coalesce(registry.joined_words(left(description, 10000)), ''));
    mark text := registry.tenant_mark(tenant);
    gap constant tsvector := '''-'':100';
    document text;
begin
    document := ts_delete(
        setweight(to_tsvector(config, folded_name) || gap || to_tsvector('pg_catalog.simple', folded_name)
                  || gap || to_tsvector(config, joined_name) || gap || to_tsvector('pg_catalog.simple', joined_name), 'A')
        || gap || setweight(to_tsvector('pg_catalog.simple', folded_sku || ' ' || replace(folded_sku, ' ', '')), 'B')
        || gap || setweight(to_tsvector(config, folded_tags) || gap || to_tsvector('pg_catalog.simple', folded_tags)
                         || gap || to_tsvector(config, joined_tags) || gap || to_tsvector('pg_catalog.simple', joined_tags), 'C')
        -- A tsvector holds a megabyte at most; this much of a description always fits.
        || gap || setweight(to_tsvector(config, registry.search_fold(coalesce(left(description, 40000), '')))
                         || gap || to_tsvector(config, joined_description), 'D'),
        '-');
    -- The mark alone is a word as well, which every product has.
    return (replace(' ' || document, ' ''', ' ''' || mark) || ' ''' || mark || '''')::tsvector;
end
$$;
alter function registry.product_document(uuid, text, text, text, text[], text) owner to rowhouse_owner;
revoke all on function registry.product_document(uuid, text, text, text, text[], text) from public;
grant execute on function registry.product_document(uuid, text, text, text, text[], text) to rowhouse_api, rowhouse_worker;
