-- The words of the tenant's catalogue that are one edit from this one: a letter too many, too few, another one, two
-- swapped. Whichever it is, the first half of the word or its last half is as it should be, unless the two letters in
-- the middle are swapped; so two short stretches of two indexes hold all, and a handful of exact words. Not a door.
create or replace function registry.one_edit_away(tenant uuid, misspelt text) returns setof text
    language plpgsql stable parallel safe set search_path = ''
as $$
declare
    size constant integer := char_length(misspelt);
    half constant integer := size / 2;
    head constant text := left(misspelt, half);
    tail constant text := reverse(right(misspelt, size - half));
    last_char constant text := chr(1114111);
    -- With one letter left out, or two swapped.
    exact constant text[] := array(
        select left(misspelt, i - 1) || substr(misspelt, i + 1) from generate_series(1, size) i
        union
        select left(misspelt, i - 1) || substr(misspelt, i + 1, 1) || substr(misspelt, i, 1) || substr(misspelt, i + 2)
        from generate_series(1, size - 1) i);
    -- With any letter in one place, or between two. Words hold no % and no _.
    alike constant text[] := array(
        select left(misspelt, i - 1) || '_' || substr(misspelt, i + 1) from generate_series(1, size) i
        union
        select left(misspelt, i) || '_' || substr(misspelt, i + 1) from generate_series(0, size) i);
begin
    return query
        select w.word from tenant.product_words w where w.tenant_id = tenant and w.word = any (exact)
        union
        select w.word from tenant.product_words w
        where w.tenant_id = tenant and w.word >= head and w.word < head || last_char
          and char_length(w.word) in (size, size + 1) and w.word like any (alike)
        union
        select w.word from tenant.product_words w
        where w.tenant_id = tenant and w.backwards >= tail and w.backwards < tail || last_char
          and char_length(w.word) in (size, size + 1) and w.word like any (alike)
        limit 16;
end
$$;
alter function registry.one_edit_away(uuid, text) owner to rowhouse_owner;
revoke all on function registry.one_edit_away(uuid, text) from public;
grant execute on function registry.one_edit_away(uuid, text) to rowhouse_api;
