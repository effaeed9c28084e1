comment on table tenant.project_tasks is
    'Walled; its own permissions. Deleting a project takes its tasks along through the composite foreign key, which asks for projects:delete only.';
alter table tenant.project_tasks enable row level security;
alter table tenant.project_tasks force row level security;

create policy wall on tenant.project_tasks as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.project_tasks is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.project_tasks for select to rowhouse_api
    using (tenant_id = (select registry.require('tasks:read')));
comment on policy select_permitted on tenant.project_tasks is 'Whoever holds tasks:read in the tenant that is set.';
create policy insert_permitted on tenant.project_tasks for insert to rowhouse_api
    with check (tenant_id = (select registry.require('tasks:write')));
comment on policy insert_permitted on tenant.project_tasks is 'Whoever holds tasks:write in the tenant that is set.';
create policy update_permitted on tenant.project_tasks for update to rowhouse_api
    using      (tenant_id = (select registry.require('tasks:write')))
    with check (tenant_id = (select registry.require('tasks:write')));
comment on policy update_permitted on tenant.project_tasks is 'Whoever holds tasks:write in the tenant that is set.';
create policy delete_permitted on tenant.project_tasks for delete to rowhouse_api
    using (tenant_id = (select registry.require('tasks:delete')));
comment on policy delete_permitted on tenant.project_tasks is 'Whoever holds tasks:delete in the tenant that is set.';

-- A task stays with its project: project_id is not among the columns that change.
grant select, delete on tenant.project_tasks to rowhouse_api;
grant insert (tenant_id, id, project_id, name, status) on tenant.project_tasks to rowhouse_api;
grant update (name, status) on tenant.project_tasks to rowhouse_api;

create or replace trigger keep_version before update on tenant.project_tasks
    for each row execute function registry.keep_version();
create or replace trigger keep_done_at before insert or update of status on tenant.project_tasks
    for each row execute function registry.keep_done_at();
-- What was kept of them is out of date, and what happened is told (registry.note_changes).
create or replace trigger note_new after insert on tenant.project_tasks
    referencing new table as after for each statement
    execute function registry.note_changes('tasks', 'task.created', 'tasks:read', '+id', '+version', '+project_id');
create or replace trigger note_changed after update on tenant.project_tasks
    referencing old table as before new table as after for each statement
    execute function registry.note_changes('tasks', 'task.updated', 'tasks:read', '+id', '+version', '+project_id', 'name', 'status');
create or replace trigger note_gone after delete on tenant.project_tasks
    referencing old table as before for each statement
    execute function registry.note_changes('tasks', 'task.deleted', 'tasks:read', '+id', '+version', '+project_id');
