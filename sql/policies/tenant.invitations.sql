comment on table tenant.invitations is
    'Walled. Nobody invites to a role that holds more than they do themselves. Whoever is invited is no member yet and comes through doors, with the token. What whoever invited may hand out no longer is withdrawn.';
comment on column tenant.invitations.token_hash is 'SHA-256 of what stands in the letter.';
alter table tenant.invitations enable row level security;
alter table tenant.invitations force row level security;

create policy wall on tenant.invitations as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.invitations is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.invitations for select to rowhouse_api
    using (tenant_id = (select registry.require('invitations:read')));
comment on policy select_permitted on tenant.invitations is 'Whoever holds invitations:read in the tenant that is set.';
create policy insert_permitted on tenant.invitations for insert to rowhouse_api
    with check (tenant_id = (select registry.require('invitations:write')));
comment on policy insert_permitted on tenant.invitations is 'Whoever holds invitations:write in the tenant that is set.';
create policy update_permitted on tenant.invitations for update to rowhouse_api
    using      (tenant_id = (select registry.require('invitations:write')))
    with check (tenant_id = (select registry.require('invitations:write')));
comment on policy update_permitted on tenant.invitations is 'Whoever holds invitations:write in the tenant that is set.';
create policy delete_permitted on tenant.invitations for delete to rowhouse_api
    using (tenant_id = (select registry.require('invitations:delete')));
comment on policy delete_permitted on tenant.invitations is 'Whoever holds invitations:delete in the tenant that is set.';

create policy select_worker on tenant.invitations for select to rowhouse_worker
    using (tenant_id = (select registry.require_job('invitations:send')));
comment on policy select_worker on tenant.invitations is 'The job that sends one finds whom it is to, while its link is the one that is to be sent.';

create policy select_token on tenant.invitations for select to rowhouse_tenancy
    using (expires_at > now());
comment on policy select_token on tenant.invitations is
    'Doors find an invitation by its token while it is good: whoever is invited is no member yet.';
create policy delete_token on tenant.invitations for delete to rowhouse_tenancy
    using (expires_at > now());
comment on policy delete_token on tenant.invitations is 'Doors take away an invitation that was accepted.';
create policy select_widened on tenant.invitations for select to rowhouse_seats
    using (true);
comment on policy select_widened on tenant.invitations is 'registry.withdraw_widened looks at the invitation that has changed; its address is not granted.';
create policy delete_widened on tenant.invitations for delete to rowhouse_seats
    using (true);
comment on policy delete_widened on tenant.invitations is 'registry.withdraw_widened takes away what whoever invited does not hold.';

grant select, delete on tenant.invitations to rowhouse_api;
grant select (tenant_id, id, email, token_hash, expires_at) on tenant.invitations to rowhouse_worker;
grant insert (tenant_id, id, email, role_id, permissions, token_hash, invited_by, invited_by_key, expires_at) on tenant.invitations to rowhouse_api;
grant update (token_hash, expires_at) on tenant.invitations to rowhouse_api;
grant select (tenant_id, id, email, role_id, permissions, token_hash, invited_by, expires_at), delete on tenant.invitations
    to rowhouse_tenancy;
grant select (tenant_id, id, permissions, invited_by), delete on tenant.invitations to rowhouse_seats;

-- Triggers that ask hold for whoever stands behind the wall, under whatever role, but for the owner (what cascades) and the doors.
create or replace trigger keep_version before update on tenant.invitations
    for each row execute function registry.keep_version();
create or replace trigger no_more_than_held before insert or update on tenant.invitations
    for each row when (row_security_active('tenant.invitations'::regclass) and current_user not in ('rowhouse_owner', 'rowhouse_tenancy'))
    execute function registry.no_more_than_held();
create or replace trigger check_invitation after insert on tenant.invitations
    for each row when (row_security_active('tenant.invitations'::regclass) and current_user not in ('rowhouse_owner', 'rowhouse_tenancy'))
    execute function registry.check_invitation();
create or replace trigger withdraw_widened after update of permissions on tenant.invitations
    for each row when (new.permissions <> old.permissions) execute function registry.withdraw_widened();
-- What happened is told (registry.note_changes).
-- A door takes away what was accepted (registry.join_tenant), its triggers what is withdrawn.
create or replace trigger note_new after insert on tenant.invitations
    referencing new table as after for each statement
    execute function registry.note_changes('', 'invitation.created', 'invitations:read');
create or replace trigger note_changed after update on tenant.invitations
    referencing old table as before new table as after for each statement
    execute function registry.note_changes('', 'invitation.resent', 'invitations:read', 'expires_at');
create or replace trigger note_gone after delete on tenant.invitations
    referencing old table as before for each statement
    when (not (current_user = 'rowhouse_tenancy' and pg_trigger_depth() = 0))
    execute function registry.note_changes('', 'invitation.withdrawn', 'invitations:read');
create or replace trigger note_accepted after delete on tenant.invitations
    referencing old table as before for each statement
    when (current_user = 'rowhouse_tenancy' and pg_trigger_depth() = 0)
    execute function registry.note_changes('', 'invitation.accepted', 'invitations:read');
