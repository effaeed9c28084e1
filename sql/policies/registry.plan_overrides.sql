comment on table registry.plan_overrides is
    'What one tenant has beside its plan, or has not. Set by whoever runs the platform; nobody who serves reaches it.';
alter table registry.plan_overrides enable row level security;
alter table registry.plan_overrides force row level security;

create policy wall on registry.plan_overrides as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on registry.plan_overrides is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy all_operators on registry.plan_overrides to rowhouse_platform
    using (true) with check (true);
comment on policy all_operators on registry.plan_overrides is 'Operators read and write, by the platforms own role.';
create policy select_billing on registry.plan_overrides for select to rowhouse_billing
    using (true);
comment on policy select_billing on registry.plan_overrides is 'registry.derive_entitlements, in whichever tenant something has changed.';

grant select, insert, update, delete on registry.plan_overrides to rowhouse_platform;
grant select on registry.plan_overrides to rowhouse_billing;

create or replace trigger derive_entitlements after insert or update or delete on registry.plan_overrides
    for each row execute function registry.derive_entitlements();
-- Who did it is written down, and nothing told (registry.note_changes).
create or replace trigger note_new after insert on registry.plan_overrides
    referencing new table as after for each statement execute function registry.note_changes('', '', '');
create or replace trigger note_changed after update on registry.plan_overrides
    referencing old table as before new table as after for each statement execute function registry.note_changes('', '', '');
create or replace trigger note_gone after delete on registry.plan_overrides
    referencing old table as before for each statement execute function registry.note_changes('', '', '');
