comment on table tenant.projects is 'Walled; read, write and delete are separate permissions.';
alter table tenant.projects enable row level security;
alter table tenant.projects force row level security;

create policy wall on tenant.projects as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.projects is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.projects for select to rowhouse_api
    using (tenant_id = (select registry.require('projects:read')));
comment on policy select_permitted on tenant.projects is 'Whoever holds projects:read in the tenant that is set.';
create policy insert_permitted on tenant.projects for insert to rowhouse_api
    with check (tenant_id = (select registry.require('projects:write')));
comment on policy insert_permitted on tenant.projects is 'Whoever holds projects:write in the tenant that is set.';
create policy update_permitted on tenant.projects for update to rowhouse_api
    using      (tenant_id = (select registry.require('projects:write')))
    with check (tenant_id = (select registry.require('projects:write')));
comment on policy update_permitted on tenant.projects is 'Whoever holds projects:write in the tenant that is set.';
create policy delete_permitted on tenant.projects for delete to rowhouse_api
    using (tenant_id = (select registry.require('projects:delete')));
comment on policy delete_permitted on tenant.projects is 'Whoever holds projects:delete in the tenant that is set.';

-- By column: tenant_id and id are set once and never change; times and version are the database's.
grant select, delete on tenant.projects to rowhouse_api;
grant insert (tenant_id, id, name, description, status, owner_id) on tenant.projects to rowhouse_api;
grant update (name, description, status, owner_id) on tenant.projects to rowhouse_api;

create or replace trigger keep_version before update on tenant.projects
    for each row execute function registry.keep_version();
-- What was kept of them is out of date, and what happened is told (registry.note_changes).
create or replace trigger note_new after insert on tenant.projects
    referencing new table as after for each statement
    execute function registry.note_changes('projects', 'project.created', 'projects:read');
create or replace trigger note_changed after update on tenant.projects
    referencing old table as before new table as after for each statement
    execute function registry.note_changes('projects', 'project.updated', 'projects:read', 'name', 'description', 'status', 'owner_id');
create or replace trigger note_gone after delete on tenant.projects
    referencing old table as before for each statement
    execute function registry.note_changes('projects', 'project.deleted', 'projects:read');
