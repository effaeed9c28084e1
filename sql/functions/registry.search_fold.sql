-- Text as it is compared in search: lower case, without accents, letters and digits in words one space apart. Both
-- sides go through here, what is indexed and what is asked, so they cannot differ, whatever the database's locale is.
-- Of a word longer than a hundred letters those are kept: a tsvector refuses words of two kilobytes, mark included.
create or replace function registry.search_fold(text) returns text
    language sql immutable strict parallel safe set search_path = ''
return btrim(regexp_replace(regexp_replace(
    -- Letters that no decomposition (Unicode NFKD) takes apart.
    replace(replace(replace(translate(
        -- Marks that combine with the letter before. Lower case comes last: some decompose into capitals.
        regexp_replace(lower(normalize($1, nfkd) collate "und-x-icu"), '[\u0300-\u036f]+', '', 'g'),
        'øłđıħŧ', 'oldiht'), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe') collate "und-x-icu",
    '[^[:alnum:]]+', ' ', 'g'), '([^ ]{100})[^ ]+', '\1', 'g'));
alter function registry.search_fold(text) owner to rowhouse_owner;
revoke all on function registry.search_fold(text) from public;
grant execute on function registry.search_fold(text) to rowhouse_api;
