-- What an earlier run imported, so that every run starts from the same rows. bench.first is the first tenant without
-- products.
delete from tenant.products p
using registry.tenants t
where t.id = p.tenant_id and substr(t.slug, 8)::integer >= current_setting('bench.first')::integer;
delete from tenant.product_words w
using registry.tenants t
where t.id = w.tenant_id and substr(t.slug, 8)::integer >= current_setting('bench.first')::integer;
delete from tenant.operations
