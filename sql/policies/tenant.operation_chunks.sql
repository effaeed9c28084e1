comment on table tenant.operation_chunks is 'Walled. What stands in the files of tenant.operation_files, piece by piece: nobody who serves reads it back.';
comment on column tenant.operation_chunks.data is 'Up to a mebibyte of what a member sent, as it came: no secret, and gone when the operation has ended.';
alter table tenant.operation_chunks enable row level security;
alter table tenant.operation_chunks force row level security;

create policy wall on tenant.operation_chunks as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.operation_chunks is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy insert_permitted on tenant.operation_chunks for insert to rowhouse_api
    with check (tenant_id = (select registry.require('operations:write')));
comment on policy insert_permitted on tenant.operation_chunks is 'Whoever holds operations:write in the tenant that is set.';
create policy select_worker on tenant.operation_chunks for select to rowhouse_worker
    using (tenant_id = (select registry.require_job('operations:run')));
comment on policy select_worker on tenant.operation_chunks is 'Jobs that are operations.';

grant insert on tenant.operation_chunks to rowhouse_api;
grant select on tenant.operation_chunks to rowhouse_worker;
