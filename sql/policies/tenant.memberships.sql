comment on table tenant.memberships is
    'Walled. Seen by fellow members; given another role or removed by whoever may, and by nobody who holds less than the member does. Nobody adds one but by an invitation, through its door.';
alter table tenant.memberships enable row level security;
alter table tenant.memberships force row level security;

create policy wall on tenant.memberships as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.memberships is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.memberships for select to rowhouse_api
    using (tenant_id = (select registry.require('members:read')));
comment on policy select_permitted on tenant.memberships is 'Whoever holds members:read in the tenant that is set.';
create policy update_permitted on tenant.memberships for update to rowhouse_api
    using      (tenant_id = (select registry.require('members:write')))
    with check (tenant_id = (select registry.require('members:write')));
comment on policy update_permitted on tenant.memberships is 'Whoever holds members:write in the tenant that is set.';
create policy delete_permitted on tenant.memberships for delete to rowhouse_api
    using (tenant_id = (select registry.require('members:delete')));
comment on policy delete_permitted on tenant.memberships is 'Whoever holds members:delete in the tenant that is set.';

-- Nobody is both, so one setting may be empty. Without (select …): it is asked of the one row that registry.require reads at
-- each statement, and to prepare for more would cost more.
create policy select_doors on tenant.memberships for select to rowhouse_tenancy
    using (tenant_id = nullif(current_setting('app.tenant_id'), '')::uuid
           or user_id = nullif(current_setting('app.user_id'), '')::uuid);
comment on policy select_doors on tenant.memberships is
    'Doors see the memberships of the person who asks, in whichever tenant, and those of the tenant that is set.';
create policy delete_leave on tenant.memberships for delete to rowhouse_tenancy
    using (user_id = (select current_setting('app.user_id')::uuid));
comment on policy delete_leave on tenant.memberships is 'registry.leave_tenant removes a membership of the person who asks.';
create policy update_lock on tenant.memberships for update to rowhouse_tenancy
    using (tenant_id = (select current_setting('app.tenant_id')::uuid)) with check (false);
comment on policy update_lock on tenant.memberships is
    'registry.check_invitation locks the membership of whoever invites; the check lets no change through.';
create policy insert_join on tenant.memberships for insert to rowhouse_tenancy
    with check (account_active);
comment on policy insert_join on tenant.memberships is 'registry.found_tenant and registry.join_tenant; the foreign keys say whom and as what.';
create policy select_tell on tenant.memberships for select to rowhouse_writers
    using (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy select_tell on tenant.memberships is 'registry.notify_of_api_key tells the owners of the tenant that is set.';

create policy select_seats on tenant.memberships for select to rowhouse_seats
    using (true);
comment on policy select_seats on tenant.memberships is
    'registry.seat_sessions finds the tenants of whoever signs in, is prolonged or ends, registry.withdraw_widened the role of whoever invited; the grant is on who, where and as what.';
create policy update_seats on tenant.memberships for update to rowhouse_seats
    using (true) with check (false);
comment on policy update_seats on tenant.memberships is
    'registry.seat_sessions locks the memberships it finds; the check lets no change through.';

grant select, delete on tenant.memberships to rowhouse_api;
grant update (role_id, permissions) on tenant.memberships to rowhouse_api;
grant select (tenant_id, user_id, role_id, permissions, tenant_status, account_active, email, full_name, created_at), delete
    on tenant.memberships to rowhouse_tenancy;
grant insert (tenant_id, user_id, role_id, permissions, tenant_status, account_active, email, full_name)
    on tenant.memberships to rowhouse_tenancy;
grant select (tenant_id, user_id, role_id) on tenant.memberships to rowhouse_writers;
grant select (tenant_id, user_id, role_id, permissions, tenant_status, account_active) on tenant.memberships to rowhouse_seats;
-- Locking a row asks for the right to change it.
grant update (updated_at) on tenant.memberships to rowhouse_tenancy, rowhouse_seats;

-- Triggers that ask hold for whoever stands behind the wall, under whatever role, but for the owner (what cascades) and the doors.
create or replace trigger people_in_order before update or delete on tenant.memberships
    for each statement when (row_security_active('tenant.memberships'::regclass) and current_user <> 'rowhouse_owner')
    execute function registry.people_in_order();
create or replace trigger keep_version before update on tenant.memberships
    for each row execute function registry.keep_version();
create or replace trigger no_more_than_held before update or delete on tenant.memberships
    for each row when (row_security_active('tenant.memberships'::regclass) and current_user not in ('rowhouse_owner', 'rowhouse_tenancy'))
    execute function registry.no_more_than_held();
create or replace trigger keep_an_owner after update of role_id or delete on tenant.memberships
    for each row when (row_security_active('tenant.memberships'::regclass) and current_user <> 'rowhouse_owner')
    execute function registry.keep_an_owner();
-- Not for what cascades from the role itself: that sets the same role once more.
create or replace trigger notify_of_role after update of role_id on tenant.memberships
    for each row when (new.role_id <> old.role_id
                       and row_security_active('tenant.memberships'::regclass) and current_user not in ('rowhouse_owner', 'rowhouse_tenancy'))
    execute function registry.notify_of_role();
-- Whoever changes it, by hand too.
create or replace trigger withdraw_invitations after update of role_id, permissions, account_active on tenant.memberships
    for each row when (new.permissions <> old.permissions or old.account_active and not new.account_active)
    execute function registry.withdraw_invitations();
-- Who is a new member has a seat for each of their sessions.
create or replace trigger seat_new after insert on tenant.memberships
    referencing new table as changed for each statement execute function registry.seat_members();
-- And what they may, their seats say as well, whoever changes it, by hand too, and whatever cascades.
create or replace trigger seat_rights after update on tenant.memberships
    for each row when (new.permissions <> old.permissions or new.tenant_status <> old.tenant_status
                       or new.account_active <> old.account_active)
    execute function registry.seat_rights();
-- What was kept of who is a member is out of date (docs/adr/0015); what they may do is never kept. And what happened is told
-- (registry.note_changes), but for what a member's row carries of role and tenant.
create or replace trigger note_new after insert on tenant.memberships
    referencing new table as after for each statement
    execute function registry.note_changes('members', 'member.joined', 'members:read', '+user_id', '+version');
create or replace trigger note_changed after update on tenant.memberships
    referencing old table as before new table as after for each statement
    execute function registry.note_changes('', 'member.changed', 'members:read', '+user_id', '+version', 'role_id', 'account_active', 'email', 'full_name');
create or replace trigger note_gone after delete on tenant.memberships
    referencing old table as before for each statement
    execute function registry.note_changes('members', 'member.removed', 'members:read', '+user_id', '+version');
-- Whoever follows something here asks again, whoever changes it, by hand too (registry.wake_streams).
create or replace trigger wake_changed after update on tenant.memberships
    referencing old table as before new table as after for each statement execute function registry.wake_streams();
create or replace trigger wake_gone after delete on tenant.memberships
    referencing old table as before for each statement execute function registry.wake_streams();
