-- A currency that is null is the tenant's own: registry.index_product.
insert into tenant.products (tenant_id, id, name, description, sku, price_minor, currency, stock, status, tags)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
returning id, name, description, sku, price_minor, currency, stock, status, tags, created_at, updated_at, version
