copy public.goods (part, tenant_id, id, name, description, sku, price_minor, currency, stock, status, tags) from stdin
