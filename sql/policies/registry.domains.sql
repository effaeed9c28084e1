-- registry.domains: a request sees its own tenant's domains; operators see all.
alter table registry.domains enable row level security;
alter table registry.domains force row level security;

create policy wall on registry.domains as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));

create policy read on registry.domains for select to rowhouse_api
    using (tenant_id = (select registry.require('tenant:read')));
create policy operate on registry.domains for select to rowhouse_platform
    using (true);

-- registry.tenant_of_host resolves verified domains only.
create policy resolve on registry.domains for select to rowhouse_doors
    using (verified_at is not null);

grant select on registry.domains to rowhouse_api, rowhouse_platform;
grant select (domain, tenant_id, verified_at) on registry.domains to rowhouse_doors;
