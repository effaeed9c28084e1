-- registry.tenant_limits: how many requests a tenant may make. Set by whoever runs the platform, read by registry.meter;
-- nobody who serves reaches it.
alter table registry.tenant_limits enable row level security;
alter table registry.tenant_limits force row level security;

create policy wall on registry.tenant_limits as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));

create policy operate on registry.tenant_limits to rowhouse_platform
    using (true) with check (true);
create policy meter on registry.tenant_limits for select to rowhouse_tenancy
    using (tenant_id = (select current_setting('app.tenant_id')::uuid));

grant select, insert, update, delete on registry.tenant_limits to rowhouse_platform;
grant select on registry.tenant_limits to rowhouse_tenancy;
