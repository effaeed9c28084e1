comment on table tenant.operation_files is 'Walled. Files that operations are about: written down by members, read by the job that has the operation''s id, gone when that has ended.';
comment on column tenant.operation_files.sha256 is 'SHA-256 of the file, as it was received: no secret.';
alter table tenant.operation_files enable row level security;
alter table tenant.operation_files force row level security;

create policy wall on tenant.operation_files as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.operation_files is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

-- Who sends one has to see how many there are.
create policy select_permitted on tenant.operation_files for select to rowhouse_api
    using (tenant_id = (select registry.require('operations:write')));
comment on policy select_permitted on tenant.operation_files is 'Whoever holds operations:write in the tenant that is set.';
create policy insert_permitted on tenant.operation_files for insert to rowhouse_api
    with check (tenant_id = (select registry.require('operations:write')));
comment on policy insert_permitted on tenant.operation_files is 'Whoever holds operations:write in the tenant that is set.';

create policy select_worker on tenant.operation_files for select to rowhouse_worker
    using (tenant_id = (select registry.require_job('operations:run')));
comment on policy select_worker on tenant.operation_files is 'Jobs that are operations.';
create policy delete_ended on tenant.operation_files for delete to rowhouse_writers
    using (true);
comment on policy delete_ended on tenant.operation_files is 'registry.end_operation, of an operation that has ended.';
create policy select_ended on tenant.operation_files for select to rowhouse_writers
    using (true);
comment on policy select_ended on tenant.operation_files is 'registry.end_operation, of an operation that has ended.';

grant select on tenant.operation_files to rowhouse_api;
grant insert (tenant_id, operation_id, bytes, sha256) on tenant.operation_files to rowhouse_api;
grant select (tenant_id, operation_id, bytes, sha256) on tenant.operation_files to rowhouse_worker;
grant select (tenant_id, operation_id), delete on tenant.operation_files to rowhouse_writers;
