-- What an attack has made, so that the next one meets what the first one met.
delete from tenant.products where sku like 'large-%';
delete from tenant.roles where not built_in;
delete from tenant.idempotency_keys where key not like 'key-%';
