comment on table registry.tenant_usage is
    'How many requests a tenant has made. Counted by registry.meter, read by whoever runs the platform; nobody who serves reaches it.';
alter table registry.tenant_usage enable row level security;
alter table registry.tenant_usage force row level security;

create policy wall on registry.tenant_usage as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on registry.tenant_usage is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_operators on registry.tenant_usage for select to rowhouse_platform
    using (true);
comment on policy select_operators on registry.tenant_usage is 'Operators, by the platforms own role.';
create policy all_meter on registry.tenant_usage to rowhouse_tenancy
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy all_meter on registry.tenant_usage is 'registry.meter counts for the tenant that is set.';

grant select on registry.tenant_usage to rowhouse_platform;
grant select, insert (tenant_id, month, requests), update (requests) on registry.tenant_usage to rowhouse_tenancy;
