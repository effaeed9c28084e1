-- One part of the products, as registry.index_product would write them.
insert into tenant.products (tenant_id, id, name, description, sku, price_minor, currency, stock, status, tags,
                             language, search, name_key)
select tenant_id, id, name, description, sku, price_minor, currency, stock, status, tags, 'english',
       registry.product_document(tenant_id, 'english', name, sku, tags, description), registry.search_fold(name)
from public.goods
where part = current_setting('bench.part')::integer
