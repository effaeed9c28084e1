comment on table registry.plan_prices is
    'What versions of plans cost; operators add, and nobody changes or takes away. Who serves reads those of plans that may be chosen.';
alter table registry.plan_prices enable row level security;
alter table registry.plan_prices force row level security;

create policy wall on registry.plan_prices as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using (exists (select from registry.plans p where p.code = plan_prices.code and p.version = plan_prices.version)) with check (false);
comment on policy wall on registry.plan_prices is 'Wall: who serves sees the prices of what it sees of registry.plans, and writes nothing.';

create policy select_everybody on registry.plan_prices for select to rowhouse_api
    using (true);
comment on policy select_everybody on registry.plan_prices is 'What a plan costs is the same for every tenant, and no secret; the wall says of which plans.';
create policy all_operators on registry.plan_prices to rowhouse_platform
    using (true) with check (true);
comment on policy all_operators on registry.plan_prices is 'Operators read and add, by the platforms own role.';
create policy select_billing on registry.plan_prices for select to rowhouse_billing
    using (true);
comment on policy select_billing on registry.plan_prices is 'registry.begin_subscription reads whichever a tenant is put on.';

grant select on registry.plan_prices to rowhouse_api, rowhouse_platform, rowhouse_billing;
grant insert on registry.plan_prices to rowhouse_platform;

-- Whoever tries, a superuser too.
create or replace trigger keep_plan before update or delete on registry.plan_prices
    for each row execute function registry.keep_plan();
