-- The words of a text that have signs inside, without them: WiFi for Wi-Fi, MMs for M&M's. Not folded. Nothing where
-- there are none.
create or replace function registry.joined_words(text) returns text
    language plpgsql immutable strict parallel safe set search_path = ''
as $$
begin
    return (
        select string_agg(regexp_replace(word[1] collate "und-x-icu", '[^[:alnum:]]+', '', 'g'), ' ')
        from regexp_matches($1 collate "und-x-icu", '[[:alnum:]]+(?:[^[:alnum:][:space:]]{1,2}[[:alnum:]]+)+', 'g') words (word));
end
$$;
alter function registry.joined_words(text) owner to rowhouse_owner;
revoke all on function registry.joined_words(text) from public;
grant execute on function registry.joined_words(text) to rowhouse_api, rowhouse_worker;
