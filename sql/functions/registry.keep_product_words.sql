-- Trigger, not a door: runs with the caller's rights. Adds the words that the catalogue did not have yet, those worth
-- mending a misspelling to: of letters alone, and not from deep inside a long description.
create or replace function registry.keep_product_words() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    if tg_op = 'UPDATE' then
        if not exists (
            select from old_rows o join new_rows n using (tenant_id, id)
            where (o.name, o.tags, o.description) is distinct from (n.name, n.tags, n.description)
        ) then
            return null;
        end if;
    end if;
    insert into tenant.product_words (tenant_id, word)
    select w.tenant_id, w.word
    from (
        select distinct n.tenant_id, unnest(string_to_array(registry.search_fold(
                   n.name || ' ' || array_to_string(n.tags, ' ') || ' ' || coalesce(left(n.description, 10000), '')), ' ')) as word
        from new_rows n
    ) w
    where char_length(w.word) between 3 and 40 and w.word !~ '[0-9]'
      -- `offset 0` keeps this a look-up by tenant and word. As a join the tenant would count as two conditions, by their word and
      -- by the wall's, of which the planner believes that hardly a row meets both, and so that any index will do: it read all
      -- of a tenant's words for each word of a product.
      and not exists (select from tenant.product_words k where k.tenant_id = w.tenant_id and k.word = w.word offset 0);
    return null;
end
$$;
alter function registry.keep_product_words() owner to rowhouse_owner;
revoke all on function registry.keep_product_words() from public;
