comment on table registry.plans is
    'Operators add versions of plans and retire them; who serves reads those that may be chosen. What a version says is never rewritten.';
alter table registry.plans enable row level security;
alter table registry.plans force row level security;

create policy wall on registry.plans as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using (listed and retired_at is null) with check (false);
comment on policy wall on registry.plans is 'Wall: who serves sees what may be chosen and writes nothing.';

create policy select_everybody on registry.plans for select to rowhouse_api
    using (listed and retired_at is null);
comment on policy select_everybody on registry.plans is 'What may be chosen is the same for every tenant, and no secret.';
create policy all_operators on registry.plans to rowhouse_platform
    using (true) with check (true);
comment on policy all_operators on registry.plans is 'Operators read and write, by the platforms own role.';
create policy select_billing on registry.plans for select to rowhouse_billing
    using (true);
comment on policy select_billing on registry.plans is 'registry.begin_subscription and registry.derive_entitlements read whichever a tenant is on.';
create policy select_found on registry.plans for select to rowhouse_tenancy
    using (is_default);
comment on policy select_found on registry.plans is 'registry.found_tenant reads how long the trial is.';

grant select on registry.plans to rowhouse_api, rowhouse_platform, rowhouse_billing;
grant select (is_default, trial_days) on registry.plans to rowhouse_tenancy;
grant insert, update (listed, is_default, retired_at) on registry.plans to rowhouse_platform;

-- Whoever tries, a superuser too.
create or replace trigger keep_plan before update or delete on registry.plans
    for each row execute function registry.keep_plan();
