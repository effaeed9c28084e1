comment on table tenant.roles is
    'Walled. The built-in ones stay as they are; nobody makes, changes or deletes a role that holds more than they do themselves.';
alter table tenant.roles enable row level security;
alter table tenant.roles force row level security;

create policy wall on tenant.roles as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.roles is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.roles for select to rowhouse_api
    using (tenant_id = (select registry.require('roles:read')));
comment on policy select_permitted on tenant.roles is 'Whoever holds roles:read in the tenant that is set.';
create policy insert_permitted on tenant.roles for insert to rowhouse_api
    with check (tenant_id = (select registry.require_feature('custom_roles', 'roles:write')));
comment on policy insert_permitted on tenant.roles is
    'Whoever holds roles:write in the tenant that is set, if its plan has custom_roles; what is there stays.';
create policy update_permitted on tenant.roles for update to rowhouse_api
    using      (tenant_id = (select registry.require('roles:write')))
    with check (tenant_id = (select registry.require('roles:write')));
comment on policy update_permitted on tenant.roles is 'Whoever holds roles:write in the tenant that is set.';
create policy delete_permitted on tenant.roles for delete to rowhouse_api
    using (tenant_id = (select registry.require('roles:delete')));
comment on policy delete_permitted on tenant.roles is 'Whoever holds roles:delete in the tenant that is set.';

create policy select_doors on tenant.roles for select to rowhouse_tenancy
    using (true);
comment on policy select_doors on tenant.roles is
    'registry.my_tenants names the role held in each tenant, from a membership it may see; registry.found_tenant and registry.keep_an_owner look one up.';
create policy select_tell on tenant.roles for select to rowhouse_writers
    using (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy select_tell on tenant.roles is 'registry.notify_of_role and registry.notify_of_api_key, in the tenant that is set.';
create policy select_widened on tenant.roles for select to rowhouse_seats
    using (true);
comment on policy select_widened on tenant.roles is 'registry.withdraw_widened asks what the role of whoever invited permits.';
create policy insert_found on tenant.roles for insert to rowhouse_tenancy
    with check (built_in);
comment on policy insert_found on tenant.roles is 'registry.found_tenant makes those that every tenant has.';
create policy update_lock on tenant.roles for update to rowhouse_tenancy
    using (built_in and tenant_id = (select current_setting('app.tenant_id')::uuid)) with check (false);
comment on policy update_lock on tenant.roles is 'registry.keep_an_owner locks one of the tenant that is set; the check lets no change through.';

grant select, delete on tenant.roles to rowhouse_api;
grant insert (tenant_id, id, name, permissions) on tenant.roles to rowhouse_api;
grant update (name, permissions) on tenant.roles to rowhouse_api;
grant select (tenant_id, id, name, permissions, built_in) on tenant.roles to rowhouse_tenancy;
grant insert (tenant_id, id, name, permissions, built_in) on tenant.roles to rowhouse_tenancy;
grant select (tenant_id, id, name, built_in) on tenant.roles to rowhouse_writers;
grant select (tenant_id, id, permissions) on tenant.roles to rowhouse_seats;
-- Locking a row asks for the right to change it; the policy's check lets no change through.
grant update (updated_at) on tenant.roles to rowhouse_tenancy;

-- Triggers that ask hold for whoever stands behind the wall, under whatever role, but for the owner (what cascades) and the doors.
create or replace trigger people_in_order before update or delete on tenant.roles
    for each statement when (row_security_active('tenant.roles'::regclass) and current_user <> 'rowhouse_owner')
    execute function registry.people_in_order();
create or replace trigger keep_version before update on tenant.roles
    for each row execute function registry.keep_version();
create or replace trigger keep_built_in before update or delete on tenant.roles
    for each row when (row_security_active('tenant.roles'::regclass) and current_user not in ('rowhouse_owner', 'rowhouse_tenancy'))
    execute function registry.keep_built_in();
create or replace trigger known_permissions before insert or update of permissions on tenant.roles
    for each row execute function registry.known_permissions();
create or replace trigger no_more_than_held before insert or update or delete on tenant.roles
    for each row when (row_security_active('tenant.roles'::regclass) and current_user not in ('rowhouse_owner', 'rowhouse_tenancy'))
    execute function registry.no_more_than_held();
-- What happened is told (registry.note_changes).
create or replace trigger note_new after insert on tenant.roles
    referencing new table as after for each statement
    execute function registry.note_changes('', 'role.created', 'roles:read');
create or replace trigger note_changed after update on tenant.roles
    referencing old table as before new table as after for each statement
    execute function registry.note_changes('', 'role.updated', 'roles:read', 'name', 'permissions');
create or replace trigger note_gone after delete on tenant.roles
    referencing old table as before for each statement
    execute function registry.note_changes('', 'role.deleted', 'roles:read');
