comment on table registry.schedules is 'The worker''s alone: when what recurs was last begun. It says nothing of any tenant.';
alter table registry.schedules enable row level security;
alter table registry.schedules force row level security;

create policy all_worker on registry.schedules to rowhouse_worker
    using (current_setting('app.tenant_id') = '') with check (current_setting('app.tenant_id') = '');
comment on policy all_worker on registry.schedules is 'The worker leads what recurs, in transactions outside any tenant: a job cannot.';

grant select, insert (name), update (last_at, firing_at, at_tenant, fence, leased_until) on registry.schedules to rowhouse_worker;
