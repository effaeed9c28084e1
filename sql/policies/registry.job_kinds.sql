comment on table registry.job_kinds is 'What each kind of job may do, and what whoever causes one has to hold; the same for every tenant, written by migrations.';
alter table registry.job_kinds enable row level security;
alter table registry.job_kinds force row level security;

create policy select_everybody on registry.job_kinds for select
    to rowhouse_api, rowhouse_worker, rowhouse_owner, rowhouse_tenancy, rowhouse_writers
    using (true);
comment on policy select_everybody on registry.job_kinds is 'The same for every tenant, and no secret.';

grant select on registry.job_kinds to rowhouse_api, rowhouse_worker, rowhouse_tenancy, rowhouse_writers;
