-- registry.tenants: a request sees its own tenant's record; operators see all.
alter table registry.tenants enable row level security;
alter table registry.tenants force row level security;

create policy wall on registry.tenants as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (id = (select current_setting('app.tenant_id')::uuid))
    with check (id = (select current_setting('app.tenant_id')::uuid));

create policy read on registry.tenants for select to rowhouse_api
    using (id = (select registry.require('tenant:read')));
create policy operate on registry.tenants for select to rowhouse_platform
    using (true);

-- registry.tenant_of_host finds a tenant by its slug; registry.my_tenants names the user's own.
create policy resolve on registry.tenants for select to rowhouse_doors
    using (true);

grant select on registry.tenants to rowhouse_api, rowhouse_platform;
grant select (id, slug, name, status) on registry.tenants to rowhouse_doors;

create or replace trigger keep_version before update on registry.tenants
    for each row execute function registry.keep_version();
