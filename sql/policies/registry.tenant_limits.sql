comment on table registry.tenant_limits is
    'How many requests a tenant may make. Set by whoever runs the platform, read by registry.meter; nobody who serves reaches it.';
alter table registry.tenant_limits enable row level security;
alter table registry.tenant_limits force row level security;

create policy wall on registry.tenant_limits as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on registry.tenant_limits is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy all_operators on registry.tenant_limits to rowhouse_platform
    using (true) with check (true);
comment on policy all_operators on registry.tenant_limits is 'Operators read and write, by the platforms own role.';
create policy select_meter on registry.tenant_limits for select to rowhouse_tenancy
    using (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy select_meter on registry.tenant_limits is 'registry.meter reads how much the tenant that is set may.';

grant select, insert, update, delete on registry.tenant_limits to rowhouse_platform;
grant select on registry.tenant_limits to rowhouse_tenancy;
-- Who did it is written down, and nothing told (registry.note_changes).
create or replace trigger note_new after insert on registry.tenant_limits
    referencing new table as after for each statement execute function registry.note_changes('', '', '');
create or replace trigger note_changed after update on registry.tenant_limits
    referencing old table as before new table as after for each statement execute function registry.note_changes('', '', '');
create or replace trigger note_gone after delete on registry.tenant_limits
    referencing old table as before for each statement execute function registry.note_changes('', '', '');
