comment on table registry.operators is 'Who runs the platform; nobody who serves tenants reads it.';
alter table registry.operators enable row level security;
alter table registry.operators force row level security;

create policy wall on registry.operators as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using (false) with check (false);
comment on policy wall on registry.operators is 'Wall: nobody who serves or operates tenants reaches a row.';

create policy select_operators on registry.operators for select to rowhouse_platform
    using (true);
comment on policy select_operators on registry.operators is 'Operators, by the platforms own role.';

grant select on registry.operators to rowhouse_platform;
