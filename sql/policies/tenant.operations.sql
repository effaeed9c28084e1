comment on table tenant.operations is 'Walled. Work that outlives its request: begun, told of and cancelled by members, done by the job with its id.';
alter table tenant.operations enable row level security;
alter table tenant.operations force row level security;

create policy wall on tenant.operations as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.operations is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.operations for select to rowhouse_api
    using (tenant_id = (select registry.require('operations:read')));
comment on policy select_permitted on tenant.operations is 'Whoever holds operations:read in the tenant that is set.';
create policy insert_permitted on tenant.operations for insert to rowhouse_api
    with check (tenant_id = (select registry.require('operations:write')));
comment on policy insert_permitted on tenant.operations is 'Whoever holds operations:write in the tenant that is set.';
create policy update_permitted on tenant.operations for update to rowhouse_api
    using      (tenant_id = (select registry.require('operations:write')))
    with check (tenant_id = (select registry.require('operations:write')));
comment on policy update_permitted on tenant.operations is 'Whoever holds operations:write in the tenant that is set.';

create policy select_worker on tenant.operations for select to rowhouse_worker
    using (tenant_id = (select registry.require_job('operations:run')));
comment on policy select_worker on tenant.operations is 'Jobs that are operations.';
create policy update_worker on tenant.operations for update to rowhouse_worker
    using      (tenant_id = (select registry.require_job('operations:run')))
    with check (tenant_id = (select registry.require_job('operations:run')));
comment on policy update_worker on tenant.operations is 'Jobs that are operations: how far they are, and what they came to.';
create policy select_told on tenant.operations for select to rowhouse_writers
    using (true);
comment on policy select_told on tenant.operations is 'registry.tell_of_operation, of the job with its id.';
create policy update_told on tenant.operations for update to rowhouse_writers
    using (true);
comment on policy update_told on tenant.operations is 'registry.tell_of_operation, of the job with its id.';

grant select on tenant.operations to rowhouse_api;
grant insert (tenant_id, id, kind, total, created_by, alive_at) on tenant.operations to rowhouse_api;
-- All but cancelling is for the version before, which runs operations in the process that was asked: a release later it goes, and alive_at with it.
grant update (status, done, total, cancelling, result, alive_at, finished_at) on tenant.operations to rowhouse_api;
grant select on tenant.operations to rowhouse_worker;
grant update (status, done, total, result, finished_at) on tenant.operations to rowhouse_worker;
grant select (tenant_id, id, kind, status, done, result, alive_at), update (status, done, result, finished_at) on tenant.operations to rowhouse_writers;

-- Triggers that ask hold for whoever stands behind the wall, under whatever role, but for the owner (what cascades) and the doors.
create or replace trigger keep_version before update on tenant.operations
    for each row execute function registry.keep_version();
create or replace trigger check_author before insert on tenant.operations
    for each row when (new.created_by is not null
                       and row_security_active('tenant.operations'::regclass) and current_user <> 'rowhouse_owner')
    execute function registry.check_author();
create or replace trigger notify_of_operation after update of status on tenant.operations
    for each row when (new.status <> old.status and new.status in ('succeeded', 'failed') and new.created_by is not null)
    execute function registry.notify_of_operation();
-- What happened is told (registry.note_changes).
create or replace trigger note_finished after update on tenant.operations
    referencing old table as before new table as after for each statement
    execute function registry.note_changes('', 'operation.finished', 'operations:read', '+id', '+version', '+kind', '+status', 'finished_at');
create or replace trigger stop_job after update of cancelling on tenant.operations
    for each row when (new.cancelling) execute function registry.stop_job();
create or replace trigger end_operation after update of status on tenant.operations
    for each row when (new.status not in ('queued', 'running')) execute function registry.end_operation();
-- That one was begun is written down, and nothing told.
create or replace trigger note_new after insert on tenant.operations
    referencing new table as after for each statement execute function registry.note_changes('', '', '');
