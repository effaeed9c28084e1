-- $2 id uuid = {products.id}
select id, name, description, sku, price_minor, currency, stock, status, tags, created_at, updated_at, version
from tenant.products
where tenant_id = $1 and id = $2
