comment on table tenant.product_tags is 'Walled; written with the product, by triggers that have the caller''s rights.';
alter table tenant.product_tags enable row level security;
alter table tenant.product_tags force row level security;

create policy wall on tenant.product_tags as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.product_tags is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.product_tags for select to rowhouse_api
    using (tenant_id = (select registry.require('products:read')));
comment on policy select_permitted on tenant.product_tags is 'Whoever holds products:read in the tenant that is set.';
create policy insert_permitted on tenant.product_tags for insert to rowhouse_api
    with check (tenant_id = (select registry.require('products:write')));
comment on policy insert_permitted on tenant.product_tags is 'Whoever holds products:write in the tenant that is set.';
create policy delete_permitted on tenant.product_tags for delete to rowhouse_api
    using (tenant_id = (select registry.require('products:write')));
comment on policy delete_permitted on tenant.product_tags is 'Whoever holds products:write in the tenant that is set.';

create policy select_worker on tenant.product_tags for select to rowhouse_worker
    using (tenant_id = (select registry.require_job('products:write')));
comment on policy select_worker on tenant.product_tags is 'Jobs that write products.';
create policy insert_worker on tenant.product_tags for insert to rowhouse_worker
    with check (tenant_id = (select registry.require_job('products:write')));
comment on policy insert_worker on tenant.product_tags is 'Jobs that write products.';
create policy delete_worker on tenant.product_tags for delete to rowhouse_worker
    using (tenant_id = (select registry.require_job('products:write')));
comment on policy delete_worker on tenant.product_tags is 'Jobs that write products.';

grant select, insert, delete on tenant.product_tags to rowhouse_api, rowhouse_worker;
