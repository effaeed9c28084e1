-- registry.domains: a tenant's claims to domains, seen and made by the tenant; operators see all. A claim
-- resolves to nobody: registry.hosts does, once registry.note_domain_check was shown the record.
alter table registry.domains enable row level security;
alter table registry.domains force row level security;

create policy wall on registry.domains as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));

create policy read on registry.domains for select to rowhouse_api
    using (tenant_id = (select registry.require('tenant:read')));
create policy add on registry.domains for insert to rowhouse_api
    with check (tenant_id = (select registry.require('domains:write')));
create policy remove on registry.domains for delete to rowhouse_api
    using (tenant_id = (select registry.require('domains:delete')));
create policy operate on registry.domains for select to rowhouse_platform
    using (true);

-- registry.note_domain_check: the claims of the tenant that is set, and of others those that resolve, to let go of. Once let
-- go of they do not resolve, and a row that is written has to be seen as well.
create policy check_own on registry.domains for select to rowhouse_tenancy
    using (true);
create policy note_own on registry.domains for update to rowhouse_tenancy
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid) or verified_at is not null)
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid) or verified_at is null);

grant select, delete on registry.domains to rowhouse_api;
grant insert (tenant_id, id, domain, challenge) on registry.domains to rowhouse_api;
grant select on registry.domains to rowhouse_platform;
grant select on registry.domains to rowhouse_tenancy;
grant update (verified_at, checked_at) on registry.domains to rowhouse_tenancy;
