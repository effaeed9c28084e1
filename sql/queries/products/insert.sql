-- A currency that is null is the tenant's own: registry.index_product.
-- $2 id uuid = {new}
-- $3 name text = 'planted'
-- $4 description text = null
-- $5 sku text = 'planted'
-- $6 price_minor bigint = 1
-- $7 currency text = 'EUR'
-- $8 stock integer = 1
-- $9 status text = 'active'
-- $10 tags text[] = '{planted}'
insert into tenant.products (tenant_id, id, name, description, sku, price_minor, currency, stock, status, tags)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
returning id, name, description, sku, price_minor, currency, stock, status, tags, created_at, updated_at, version
