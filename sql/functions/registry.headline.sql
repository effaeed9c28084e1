-- A text with marks around what matched: two characters of no alphabet, which search.sql's readers turn into markup. The
-- text itself holds neither. PostgreSQL takes signs between letters for parts of hosts, paths and tags and looks ahead for
-- their ends at each of them (`a_a_a_…`, `<!--<!--…`): the square of the length, and nobody can interrupt it. A third such
-- character behind each sign ends every such word at once, as search_fold does, and is taken out again.
create or replace function registry.headline(language text, body text, query tsquery, options text) returns text
    language sql stable parallel safe set search_path = ''
return translate(
    ts_headline(
        ('pg_catalog.' || language)::regconfig,
        regexp_replace(translate(body, E'\uE000\uE001\uE002', ''), '[!-/:-@[-`{-~]', E'\\&\uE002', 'g'),
        query, options || E', StartSel="\uE000", StopSel="\uE001"'),
    E'\uE002', '');
alter function registry.headline(text, text, tsquery, text) owner to rowhouse_owner;
revoke all on function registry.headline(text, text, tsquery, text) from public;
grant execute on function registry.headline(text, text, tsquery, text) to rowhouse_api;
