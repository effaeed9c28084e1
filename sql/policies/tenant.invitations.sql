-- tenant.invitations: walled. Nobody invites to a role that holds more than they do themselves. Whoever is
-- invited is no member yet and comes through doors, with the token. What whoever invited may hand out no longer is withdrawn.
alter table tenant.invitations enable row level security;
alter table tenant.invitations force row level security;

create policy wall on tenant.invitations as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));

create policy read on tenant.invitations for select to rowhouse_api
    using (tenant_id = (select registry.require('invitations:read')));
create policy add on tenant.invitations for insert to rowhouse_api
    with check (tenant_id = (select registry.require('invitations:write')));
create policy change on tenant.invitations for update to rowhouse_api
    using      (tenant_id = (select registry.require('invitations:write')))
    with check (tenant_id = (select registry.require('invitations:write')));
create policy remove on tenant.invitations for delete to rowhouse_api
    using (tenant_id = (select registry.require('invitations:delete')));

create policy through_token on tenant.invitations for select to rowhouse_tenancy
    using (expires_at > now());
create policy use_up on tenant.invitations for delete to rowhouse_tenancy
    using (expires_at > now());

grant select, delete on tenant.invitations to rowhouse_api;
grant insert (tenant_id, id, email, role_id, permissions, token_hash, invited_by, invited_by_key, expires_at) on tenant.invitations to rowhouse_api;
grant update (token_hash, expires_at) on tenant.invitations to rowhouse_api;
grant select (tenant_id, id, email, role_id, permissions, token_hash, invited_by, expires_at), delete on tenant.invitations
    to rowhouse_tenancy;

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
