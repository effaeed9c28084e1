-- What an earlier run has made, so that every run starts from the same rows; and the limits that everybody has.
delete from registry.platform_settings where key like 'limits.%';
delete from tenant.projects where name like 'bench %';
delete from tenant.products where sku like 'BENCH-%';
delete from tenant.idempotency_keys;
delete from registry.sessions where id <> user_id;
