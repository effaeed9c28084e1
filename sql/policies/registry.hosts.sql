-- registry.hosts: which tenant a verified domain resolves to. Read by registry.tenant_of_host before a tenant is
-- known, written by registry.note_domain_check; nobody who serves reaches it.
alter table registry.hosts enable row level security;
alter table registry.hosts force row level security;

create policy wall on registry.hosts as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));

create policy operate on registry.hosts for select to rowhouse_platform
    using (true);
create policy resolve on registry.hosts to rowhouse_tenancy
    using (true) with check (true);

grant select on registry.hosts to rowhouse_platform;
grant select, insert, delete on registry.hosts to rowhouse_tenancy;
