-- tenant.product_tags: walled; written with the product, by triggers that have the caller's rights.
alter table tenant.product_tags enable row level security;
alter table tenant.product_tags force row level security;

create policy wall on tenant.product_tags as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));

create policy read on tenant.product_tags for select to rowhouse_api
    using (tenant_id = (select registry.require('products:read')));
create policy add on tenant.product_tags for insert to rowhouse_api
    with check (tenant_id = (select registry.require('products:write')));
create policy remove on tenant.product_tags for delete to rowhouse_api
    using (tenant_id = (select registry.require('products:write')));

grant select, insert, delete on tenant.product_tags to rowhouse_api;
