-- registry.tenant_usage: how many requests a tenant has made. Counted by registry.meter, read by whoever runs the platform;
-- nobody who serves reaches it.
alter table registry.tenant_usage enable row level security;
alter table registry.tenant_usage force row level security;

create policy wall on registry.tenant_usage as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));

create policy operate on registry.tenant_usage for select to rowhouse_platform
    using (true);
create policy meter on registry.tenant_usage to rowhouse_tenancy
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));

grant select on registry.tenant_usage to rowhouse_platform;
grant select, insert (tenant_id, month, requests), update (requests) on registry.tenant_usage to rowhouse_tenancy;
