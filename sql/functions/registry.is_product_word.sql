-- Whether the tenant's catalogue knows a word: it stands there, begins one that does, or something is found by its stem.
-- Not a door: it reads with the caller's rights.
create or replace function registry.is_product_word(tenant uuid, folded text, part tsquery) returns boolean
    language plpgsql stable parallel safe set search_path = ''
as $$
begin
    return exists (select from tenant.product_words w where w.tenant_id = tenant and w.word = folded)
        or exists (select from tenant.products p
                   where p.tenant_id = tenant and p.search operator(search.@@@) registry.mark_query(tenant, part));
end
$$;
alter function registry.is_product_word(uuid, text, tsquery) owner to rowhouse_owner;
revoke all on function registry.is_product_word(uuid, text, tsquery) from public;
grant execute on function registry.is_product_word(uuid, text, tsquery) to rowhouse_api;
