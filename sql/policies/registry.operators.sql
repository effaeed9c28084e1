-- registry.operators: who runs the platform; nobody who serves tenants reads it.
alter table registry.operators enable row level security;
alter table registry.operators force row level security;

create policy wall on registry.operators as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using (false) with check (false);

create policy operate on registry.operators for select to rowhouse_platform
    using (true);

grant select on registry.operators to rowhouse_platform;
