-- tenant.product_words: walled; written with the product, by a trigger that has the caller's rights.
alter table tenant.product_words enable row level security;
alter table tenant.product_words force row level security;

create policy wall on tenant.product_words as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));

create policy read on tenant.product_words for select to rowhouse_api
    using (tenant_id = (select registry.require('products:read')));
create policy add on tenant.product_words for insert to rowhouse_api
    with check (tenant_id = (select registry.require('products:write')));

grant select on tenant.product_words to rowhouse_api;
grant insert (tenant_id, word) on tenant.product_words to rowhouse_api;
