-- What the planner takes for granted of tenants' words: a thousand each. Counted over many small tenants it comes to a few, with
-- which any index that begins with the tenant is as good as the one on the word, and what is a look-up for them reads all that a
-- large tenant has. From the next `analyze` on.
alter table tenant.product_words alter column tenant_id set (n_distinct = -0.001);
