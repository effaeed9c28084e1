comment on table tenant.products is 'Walled; read, write and delete are separate permissions.';
alter table tenant.products enable row level security;
alter table tenant.products force row level security;

create policy wall on tenant.products as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.products is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.products for select to rowhouse_api
    using (tenant_id = (select registry.require('products:read')));
comment on policy select_permitted on tenant.products is 'Whoever holds products:read in the tenant that is set.';
create policy insert_permitted on tenant.products for insert to rowhouse_api
    with check (tenant_id = (select registry.require('products:write')));
comment on policy insert_permitted on tenant.products is 'Whoever holds products:write in the tenant that is set.';
create policy update_permitted on tenant.products for update to rowhouse_api
    using      (tenant_id = (select registry.require('products:write')))
    with check (tenant_id = (select registry.require('products:write')));
comment on policy update_permitted on tenant.products is 'Whoever holds products:write in the tenant that is set.';
create policy delete_permitted on tenant.products for delete to rowhouse_api
    using (tenant_id = (select registry.require('products:delete')));
comment on policy delete_permitted on tenant.products is 'Whoever holds products:delete in the tenant that is set.';

create policy select_worker on tenant.products for select to rowhouse_worker
    using (tenant_id = (select registry.require_job('products:write')));
comment on policy select_worker on tenant.products is 'Jobs that write products.';
create policy insert_worker on tenant.products for insert to rowhouse_worker
    with check (tenant_id = (select registry.require_job('products:write')));
comment on policy insert_worker on tenant.products is 'Jobs that write products.';
create policy update_worker on tenant.products for update to rowhouse_worker
    using      (tenant_id = (select registry.require_job('products:write')))
    with check (tenant_id = (select registry.require_job('products:write')));
comment on policy update_worker on tenant.products is 'Jobs that write products.';

-- language and search are written by registry.index_product alone; language is granted so that a change of the tenant's
-- language can have every product indexed anew (the trigger puts the right one there whatever is written).
grant select, delete on tenant.products to rowhouse_api;
grant select on tenant.products to rowhouse_worker;
grant insert (tenant_id, id, name, description, sku, price_minor, currency, stock, status, tags) on tenant.products to rowhouse_api, rowhouse_worker;
grant update (name, description, sku, price_minor, currency, stock, status, tags, language) on tenant.products to rowhouse_api, rowhouse_worker;

create or replace trigger index_product before insert or update of name, description, sku, tags, language, search on tenant.products
    for each row execute function registry.index_product();
-- Being indexed anew changes nothing that a caller reads.
create or replace trigger keep_version
    before update of name, description, sku, price_minor, currency, stock, status, tags on tenant.products
    for each row execute function registry.keep_version();
-- After index_product, which fills in the tenant's own where a price does not say: triggers go by their names.
create or replace trigger known_currency before insert or update of currency on tenant.products
    for each row execute function registry.known_currency();
create or replace trigger keep_tags_of_new after insert on tenant.products
    referencing new table as new_rows
    for each statement execute function registry.keep_product_tags();
create or replace trigger keep_tags_of_changed after update on tenant.products
    referencing old table as old_rows new table as new_rows
    for each statement execute function registry.keep_product_tags();
create or replace trigger keep_words_of_new after insert on tenant.products
    referencing new table as new_rows
    for each statement execute function registry.keep_product_words();
create or replace trigger keep_words_of_changed after update on tenant.products
    referencing old table as old_rows new table as new_rows
    for each statement execute function registry.keep_product_words();
-- What was kept of them is out of date, and what happened is told (registry.note_changes).
create or replace trigger note_new after insert on tenant.products
    referencing new table as after for each statement
    execute function registry.note_changes('products', 'product.created', 'products:read');
create or replace trigger note_changed after update on tenant.products
    referencing old table as before new table as after for each statement
    execute function registry.note_changes('products', 'product.updated', 'products:read', 'name', 'description', 'sku', 'price_minor', 'currency', 'stock', 'status', 'tags');
create or replace trigger note_gone after delete on tenant.products
    referencing old table as before for each statement
    execute function registry.note_changes('products', 'product.deleted', 'products:read');
