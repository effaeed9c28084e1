comment on table registry.permissions is 'The vocabulary, the same for every tenant and public by nature.';
alter table registry.permissions enable row level security;
alter table registry.permissions force row level security;

create policy select_everybody on registry.permissions for select
    to rowhouse_api, rowhouse_worker, rowhouse_platform, rowhouse_owner, rowhouse_tenancy
    using (true);
comment on policy select_everybody on registry.permissions is 'The vocabulary is the same for every tenant and public by nature.';

grant select on registry.permissions to rowhouse_api, rowhouse_worker, rowhouse_platform, rowhouse_tenancy;
