comment on table tenant.job_heads is
    'Walled. From when on a tenant waits for a turn of the workers; registry.claim_turn gives it. Nobody who serves reads or writes it.';
alter table tenant.job_heads enable row level security;
alter table tenant.job_heads force row level security;

create policy wall on tenant.job_heads as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.job_heads is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_worker on tenant.job_heads for select to rowhouse_worker
    using (true);
comment on policy select_worker on tenant.job_heads is 'registry.take_jobs, behind the wall of the tenant whose turn it is.';
create policy update_worker on tenant.job_heads for update to rowhouse_worker
    using      (true)
    with check (true);
comment on policy update_worker on tenant.job_heads is 'registry.take_jobs puts to sleep the tenant whose turn it is, behind its wall.';

create policy select_turns on tenant.job_heads for select to rowhouse_tenancy
    using (true);
comment on policy select_turns on tenant.job_heads is 'registry.claim_turn looks which tenant has waited longest.';
create policy update_turns on tenant.job_heads for update to rowhouse_tenancy
    using (true);
comment on policy update_turns on tenant.job_heads is 'registry.claim_turn sends the tenant whose turn it is to the end of the line.';
create policy insert_found on tenant.job_heads for insert to rowhouse_writers
    with check (ready_at = 'infinity');
comment on policy insert_found on tenant.job_heads is 'registry.begin_jobs, for a tenant that is being founded.';
create policy select_triggers on tenant.job_heads for select to rowhouse_writers
    using (true);
comment on policy select_triggers on tenant.job_heads is 'registry.wake_jobs, in whichever tenant a job was written down.';
create policy update_triggers on tenant.job_heads for update to rowhouse_writers
    using (true);
comment on policy update_triggers on tenant.job_heads is 'registry.wake_jobs, in whichever tenant a job was written down.';

grant select, update (ready_at) on tenant.job_heads to rowhouse_worker;
grant select (tenant_id, tenant_status, ready_at), update (ready_at) on tenant.job_heads to rowhouse_tenancy;
grant select (tenant_id, ready_at), update (ready_at), insert (tenant_id, tenant_status) on tenant.job_heads to rowhouse_writers;
