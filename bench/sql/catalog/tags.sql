-- As registry.keep_product_tags would write them, all at once.
insert into tenant.product_tags (tenant_id, product_id, tag, status, in_stock, name, price_minor, sku)
select g.tenant_id, g.id, t.tag, g.status, g.stock > 0, g.name, g.price_minor, g.sku
from public.goods g, unnest(g.tags) t (tag)
