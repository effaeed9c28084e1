-- Text as it is compared in search: lower case, without accents, letters and digits in words one space apart. Both
-- sides go through here, what is indexed and what is asked, so they cannot differ, whatever the database's locale is.
-- Of a word longer than a hundred letters those are kept: a tsvector refuses words of two kilobytes, mark included.
--
-- Scripts that leave no space between words (Han, kana, Thai, Lao, Khmer, Burmese) are compared by two letters at a time,
-- each with the one before: 日本語 is 日本 本語. Their marks, which are no letters, part such a run as a sign would.
--
-- It costs what its length costs, whatever it holds. PostgreSQL puts the marks behind a letter in order by swapping
-- neighbours: the square of their number, and nobody can interrupt it. So text comes apart (Unicode NFKD) in pieces of 64
-- characters. Their edges cannot be told from the result, since marks between two letters become nothing or one space, in
-- whichever order they stand. ASCII does not come apart at all: there letters and digits are a to z and 0 to 9, and case is
-- a bit, so that it is folded without asking Unicode for anything.
-- plpgsql, because it keeps its plan: a `language sql` function is planned anew in each statement that calls it.
create or replace function registry.search_fold(text) returns text
    language plpgsql immutable strict parallel safe set search_path = ''
as $$
declare
    folded text;
begin
    if octet_length($1) = char_length($1) then
        folded := regexp_replace(lower($1 collate "C"), '[^a-z0-9]+', ' ', 'g');
    else
        folded := registry.in_twos(regexp_replace(
            -- Letters that no decomposition (Unicode NFKD) takes apart.
            replace(replace(replace(translate(
                -- Marks that combine with the letter before. Lower case comes last: some decompose into capitals.
                regexp_replace(lower((
                    select string_agg(normalize(piece[1], nfkd), '' order by n)
                    from regexp_matches($1, '.{1,64}', 'g') with ordinality pieces (piece, n)
                ) collate "und-x-icu"), '[\u0300-\u036f\u3099\u309a]+', '', 'g'),
                'øłđıħŧ', 'oldiht'), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe') collate "und-x-icu",
            '[^[:alnum:]]+', ' ', 'g'));
    end if;
    if char_length(folded) > 100 then
        folded := regexp_replace(folded, '([^ ]{100})[^ ]+', '\1', 'g');
    end if;
    return btrim(folded);
end
$$;
alter function registry.search_fold(text) owner to rowhouse_owner;
revoke all on function registry.search_fold(text) from public;
grant execute on function registry.search_fold(text) to rowhouse_api, rowhouse_worker;
