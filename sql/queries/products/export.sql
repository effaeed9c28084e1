-- All of a tenant's products by SKU, off its unique key, a batch at a time.
select sku, name, description, price_minor, currency, stock, status, tags
from tenant.products
where tenant_id = $1 and sku > $2
order by sku
limit $3
