comment on table tenant.product_words is 'Walled; written with the product, by a trigger that has the caller''s rights.';
alter table tenant.product_words enable row level security;
alter table tenant.product_words force row level security;

create policy wall on tenant.product_words as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.product_words is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.product_words for select to rowhouse_api
    using (tenant_id = (select registry.require('products:read')));
comment on policy select_permitted on tenant.product_words is 'Whoever holds products:read in the tenant that is set.';
create policy insert_permitted on tenant.product_words for insert to rowhouse_api
    with check (tenant_id = (select registry.require('products:write')));
comment on policy insert_permitted on tenant.product_words is 'Whoever holds products:write in the tenant that is set.';

create policy select_worker on tenant.product_words for select to rowhouse_worker
    using (tenant_id = (select registry.require_job('products:write')));
comment on policy select_worker on tenant.product_words is 'Jobs that write products.';
create policy insert_worker on tenant.product_words for insert to rowhouse_worker
    with check (tenant_id = (select registry.require_job('products:write')));
comment on policy insert_worker on tenant.product_words is 'Jobs that write products.';

grant select on tenant.product_words to rowhouse_api, rowhouse_worker;
grant insert (tenant_id, word) on tenant.product_words to rowhouse_api, rowhouse_worker;
