-- registry.tenants: a request sees its own tenant's record and may rename it; operators see all.
alter table registry.tenants enable row level security;
alter table registry.tenants force row level security;

create policy wall on registry.tenants as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (id = (select current_setting('app.tenant_id')::uuid))
    with check (id = (select current_setting('app.tenant_id')::uuid));

create policy read on registry.tenants for select to rowhouse_api
    using (id = (select registry.require('tenant:read')));
create policy rename on registry.tenants for update to rowhouse_api
    using      (id = (select registry.require('tenant:write')))
    with check (id = (select registry.require('tenant:write')));
create policy operate on registry.tenants for select to rowhouse_platform
    using (true);

-- registry.tenant_of_host finds a tenant by its slug; registry.my_tenants names the user's own;
-- registry.found_tenant makes one.
create policy resolve on registry.tenants for select to rowhouse_tenancy
    using (true);
create policy found on registry.tenants for insert to rowhouse_tenancy
    with check (status = 'trial');

grant select on registry.tenants to rowhouse_api, rowhouse_platform;
grant update (name) on registry.tenants to rowhouse_api;
grant select (id, slug, name, status, founder_id, created_at) on registry.tenants to rowhouse_tenancy;
grant insert (id, slug, name, status, trial_ends_at, founder_id) on registry.tenants to rowhouse_tenancy;

create or replace trigger keep_version before update on registry.tenants
    for each row execute function registry.keep_version();
create or replace trigger begin_settings after insert on registry.tenants
    for each row execute function registry.begin_settings();
create or replace trigger begin_generations after insert on registry.tenants
    for each row execute function registry.begin_generations();
create or replace trigger refuse_reserved_slug before insert or update of slug on registry.tenants
    for each row execute function registry.refuse_reserved_slug();
