-- Every word in it begins with its tenant's mark (registry.tenant_mark), so that a tenant's words stand together and
-- nobody's search walks through another's. Made the day a superuser has run bootstrap, who alone can make its operator class.
-- where: exists (select from pg_catalog.pg_opclass where opcname = 'tsvector_ops' and opcnamespace = to_regnamespace('search'))
create index concurrently products_search_idx on tenant.products using gin (search search.tsvector_ops) with (fastupdate = off);
