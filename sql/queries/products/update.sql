-- $3: the versions the caller accepts, null for any. Null leaves a field; the description, which can be cleared, has a
-- flag beside its value.
-- $2 id uuid = {products.id}
-- $3 versions bigint[] = null
-- $4 name text = 'taken'
-- $5 sets_description boolean = true
-- $6 description text = 'over'
-- $7 sku text = null
-- $8 price_minor bigint = 1
-- $9 currency text = null
-- $10 stock integer = 1
-- $11 status text = null
-- $12 tags text[] = null
update tenant.products
set name        = coalesce($4, name),
    description = case when $5 then $6 else description end,
    sku         = coalesce($7, sku),
    price_minor = coalesce($8, price_minor),
    currency    = coalesce($9, currency),
    stock       = coalesce($10, stock),
    status      = coalesce($11, status),
    tags        = coalesce($12, tags)
where tenant_id = $1 and id = $2 and ($3::bigint[] is null or version = any ($3))
returning id, name, description, sku, price_minor, currency, stock, status, tags, created_at, updated_at, version
