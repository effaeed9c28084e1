comment on table registry.hosts is
    'Which tenant a verified domain resolves to. Read by registry.tenant_of_host before a tenant is known, written by registry.note_domain_check; nobody who serves reaches it.';
alter table registry.hosts enable row level security;
alter table registry.hosts force row level security;

create policy wall on registry.hosts as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on registry.hosts is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_operators on registry.hosts for select to rowhouse_platform
    using (true);
comment on policy select_operators on registry.hosts is 'Operators, by the platforms own role.';
create policy all_doors on registry.hosts to rowhouse_tenancy
    using (true) with check (true);
comment on policy all_doors on registry.hosts is 'registry.tenant_of_host reads before a tenant is known; registry.note_domain_check writes.';

grant select on registry.hosts to rowhouse_platform;
grant select, insert, delete on registry.hosts to rowhouse_tenancy;
