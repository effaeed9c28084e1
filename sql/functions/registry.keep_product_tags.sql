-- Trigger, not a door: runs with the caller's rights. Keeps a row a tag, with what lists by tag filter and sort by.
create or replace function registry.keep_product_tags() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    if tg_op = 'INSERT' then
        insert into tenant.product_tags (tenant_id, product_id, tag, status, in_stock, name, price_minor, sku)
        select n.tenant_id, n.id, t.tag, n.status, n.in_stock, n.name, n.price_minor, n.sku
        from new_rows n, unnest(n.tags) t (tag);
    else
        delete from tenant.product_tags t
        using old_rows o join new_rows n using (tenant_id, id)
        where t.tenant_id = o.tenant_id and t.product_id = o.id
          and (o.tags, o.status, o.in_stock, o.name, o.price_minor, o.sku)
              is distinct from (n.tags, n.status, n.in_stock, n.name, n.price_minor, n.sku);
        insert into tenant.product_tags (tenant_id, product_id, tag, status, in_stock, name, price_minor, sku)
        select n.tenant_id, n.id, t.tag, n.status, n.in_stock, n.name, n.price_minor, n.sku
        from new_rows n join old_rows o using (tenant_id, id), unnest(n.tags) t (tag)
        where (o.tags, o.status, o.in_stock, o.name, o.price_minor, o.sku)
              is distinct from (n.tags, n.status, n.in_stock, n.name, n.price_minor, n.sku);
    end if;
    return null;
end
$$;
alter function registry.keep_product_tags() owner to rowhouse_owner;
revoke all on function registry.keep_product_tags() from public;
