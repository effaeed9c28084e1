comment on table tenant.jobs is 'Walled. Work that is done after the transaction that caused it: written down by members, done by rowhouse_worker.';
alter table tenant.jobs enable row level security;
alter table tenant.jobs force row level security;

create policy wall on tenant.jobs as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.jobs is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.jobs for select to rowhouse_api
    using (tenant_id = (select registry.require('jobs:read')));
comment on policy select_permitted on tenant.jobs is 'Whoever holds jobs:read in the tenant that is set.';
-- Not jobs:write: whoever does what causes a job causes the job. What that is, its kind says.
-- Keys are the kind's own: who may cause one kind cannot hold up another by taking its key and never being due.
create policy insert_caused on tenant.jobs for insert to rowhouse_api
    with check (tenant_id = (select registry.may_cause(kind))
                and registry.is_ones_own_job(kind, id, order_key, run_at, created_by, api_key_id)
                and starts_with(coalesce(unique_key, kind || '/'), kind || '/')
                and (position('/' in coalesce(order_key, '')) = 0 or starts_with(order_key, split_part(kind, '.', 1) || '/')));
comment on policy insert_caused on tenant.jobs is
    'Whoever holds in the tenant that is set what the kind of job asks for; under a unique key of that kind, and in no order of others.';
-- Whoever has a job done once more causes it, and has to hold what its kind asks for.
create policy update_permitted on tenant.jobs for update to rowhouse_api
    using      (tenant_id = (select registry.require('jobs:write')))
    with check (tenant_id = (select registry.require('jobs:write'))
                and (state <> 'waiting' or tenant_id = (select registry.may_cause(kind))));
comment on policy update_permitted on tenant.jobs is
    'Whoever holds jobs:write in the tenant that is set; and to have one done again, what its kind asks for.';

-- The worker has to see jobs before it holds one, so it is stopped by the wall alone; what it does for a job is another matter, and
-- asks registry.require_job.
create policy select_worker on tenant.jobs for select to rowhouse_worker
    using (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy select_worker on tenant.jobs is 'Behind the wall the worker sees every job: it acts for nobody before it holds one.';
create policy update_worker on tenant.jobs for update to rowhouse_worker
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy update_worker on tenant.jobs is 'Behind the wall the worker changes every job, as far as its grants go: claims, says that it is alive, ends.';
create policy insert_worker on tenant.jobs for insert to rowhouse_worker
    with check (tenant_id = (select registry.may_pass_on(kind)) and created_by is null and api_key_id is null
                and starts_with(coalesce(unique_key, kind || '/'), kind || '/')
                and (position('/' in coalesce(order_key, '')) = 0 or starts_with(order_key, split_part(kind, '.', 1) || '/')));
comment on policy insert_worker on tenant.jobs is
    'A job causes jobs whose kind asks for what its own kind may do, the schedule any; under keys as those of members.';
create policy delete_worker on tenant.jobs for delete to rowhouse_worker
    using (tenant_id = (select registry.require_job('jobs:forget')) and finished_at is not null);
comment on policy delete_worker on tenant.jobs is 'The job that forgets those that have ended for long.';

create policy select_held on tenant.jobs for select to rowhouse_tenancy
    using (tenant_id = nullif(current_setting('app.tenant_id'), '')::uuid and id = nullif(current_setting('app.job_id', true), '')::uuid);
comment on policy select_held on tenant.jobs is 'registry.require_job sees the job that asks.';
create policy select_waiting on tenant.jobs for select to rowhouse_tenancy
    using (state = 'waiting');
comment on policy select_waiting on tenant.jobs is 'registry.job_figures counts what waits, by kind; none of it has a lease.';

create policy select_operation on tenant.jobs for select to rowhouse_writers
    using (true);
comment on policy select_operation on tenant.jobs is
    'registry.stop_job, of the operation that is cancelled; registry.note_changes, on whose behalf a job does what it does.';
create policy update_operation on tenant.jobs for update to rowhouse_writers
    using (true);
comment on policy update_operation on tenant.jobs is 'registry.stop_job, of the operation that is cancelled.';

-- No payload, key or lease: those are for the worker.
grant select (tenant_id, id, kind, priority, cancelling, state, run_at, attempts, max_attempts, alive_at, done, total, result, error_code, error,
              created_by, created_at, updated_at, finished_at, version) on tenant.jobs to rowhouse_api;
grant select on tenant.jobs to rowhouse_worker;
grant insert (tenant_id, id, kind, payload, payload_version, priority, unique_key, order_key, run_at, max_attempts, created_by)
    on tenant.jobs to rowhouse_api, rowhouse_worker;
grant update (cancelling, state, run_at, attempts, error_code, error, finished_at) on tenant.jobs to rowhouse_api;
grant update (state, run_at, attempts, lease, lease_until, alive_at, done, total, result, error_code, error, finished_at)
    on tenant.jobs to rowhouse_worker;
grant delete on tenant.jobs to rowhouse_worker;
grant select (tenant_id, id, kind, state, run_at, lease, lease_until, created_by, api_key_id) on tenant.jobs to rowhouse_tenancy;
grant select (tenant_id, id, kind, state, lease, lease_until, created_by, api_key_id), update (state, cancelling, finished_at)
    on tenant.jobs to rowhouse_writers;

-- Triggers that ask hold for whoever stands behind the wall, under whatever role, but for the owner (what cascades) and the doors.
create or replace trigger keep_version before update on tenant.jobs
    for each row execute function registry.keep_version();
create or replace trigger check_author before insert on tenant.jobs
    for each row when (new.created_by is not null
                       and row_security_active('tenant.jobs'::regclass) and current_user <> 'rowhouse_owner')
    execute function registry.check_author();
create or replace trigger wake_new after insert on tenant.jobs
    referencing new table as changed for each statement execute function registry.wake_jobs();
create or replace trigger wake_again after update on tenant.jobs
    referencing new table as changed for each statement execute function registry.wake_jobs();
create or replace trigger tell_of_operation after update of state, done on tenant.jobs
    for each row when (new.state = 'running' and new.done > old.done
                       or new.state in ('dead', 'cancelled', 'discarded') and old.state in ('waiting', 'running'))
    execute function registry.tell_of_operation();
