comment on table tenant.@NAME@ is 'Walled; read, write and delete are separate permissions.';
alter table tenant.@NAME@ enable row level security;
alter table tenant.@NAME@ force row level security;

create policy wall on tenant.@NAME@ as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.@NAME@ is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.@NAME@ for select to rowhouse_api
    using (tenant_id = (select registry.require('@PATH@:read')));
comment on policy select_permitted on tenant.@NAME@ is 'Whoever holds @PATH@:read in the tenant that is set.';
create policy insert_permitted on tenant.@NAME@ for insert to rowhouse_api
    with check (tenant_id = (select registry.require('@PATH@:write')));
comment on policy insert_permitted on tenant.@NAME@ is 'Whoever holds @PATH@:write in the tenant that is set.';
create policy update_permitted on tenant.@NAME@ for update to rowhouse_api
    using      (tenant_id = (select registry.require('@PATH@:write')))
    with check (tenant_id = (select registry.require('@PATH@:write')));
comment on policy update_permitted on tenant.@NAME@ is 'Whoever holds @PATH@:write in the tenant that is set.';
create policy delete_permitted on tenant.@NAME@ for delete to rowhouse_api
    using (tenant_id = (select registry.require('@PATH@:delete')));
comment on policy delete_permitted on tenant.@NAME@ is 'Whoever holds @PATH@:delete in the tenant that is set.';

-- By column: tenant_id and id are set once and never change; times and version are the database's.
grant select, delete on tenant.@NAME@ to rowhouse_api;
grant insert (tenant_id, id, @COLUMNS@) on tenant.@NAME@ to rowhouse_api;
grant update (@COLUMNS@) on tenant.@NAME@ to rowhouse_api;

create or replace trigger keep_version before update on tenant.@NAME@
    for each row execute function registry.keep_version();
