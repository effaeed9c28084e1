comment on table tenant.api_keys is
    'Walled. A key holds no more than whoever makes or rotates it; revoking one asks for the permission alone. Of secrets only SHA-256 is here.';
comment on column tenant.api_keys.secret_hash is 'SHA-256 of the secret.';
comment on column tenant.api_keys.previous_hash is 'SHA-256 of the secret before it was rotated, good until previous_until.';
alter table tenant.api_keys enable row level security;
alter table tenant.api_keys force row level security;

create policy wall on tenant.api_keys as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.api_keys is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.api_keys for select to rowhouse_api
    using (tenant_id = (select registry.require('api-keys:read')));
comment on policy select_permitted on tenant.api_keys is 'Whoever holds api-keys:read in the tenant that is set.';
create policy insert_permitted on tenant.api_keys for insert to rowhouse_api
    with check (tenant_id = (select registry.require('api-keys:write')));
comment on policy insert_permitted on tenant.api_keys is 'Whoever holds api-keys:write in the tenant that is set.';
create policy update_permitted on tenant.api_keys for update to rowhouse_api
    using      (tenant_id = (select registry.require('api-keys:write')))
    with check (tenant_id = (select registry.require('api-keys:write')));
comment on policy update_permitted on tenant.api_keys is 'Whoever holds api-keys:write in the tenant that is set.';
create policy delete_permitted on tenant.api_keys for delete to rowhouse_api
    using (tenant_id = (select registry.require('api-keys:delete')));
comment on policy delete_permitted on tenant.api_keys is 'Whoever holds api-keys:delete in the tenant that is set.';

create policy select_doors on tenant.api_keys for select to rowhouse_tenancy
    using (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy select_doors on tenant.api_keys is 'registry.require asks what a key of the tenant that is set holds.';
create policy update_doors on tenant.api_keys for update to rowhouse_tenancy
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy update_doors on tenant.api_keys is 'registry.touch_api_key notes that a key of the tenant that is set was used.';

grant select, delete on tenant.api_keys to rowhouse_api;
grant insert (tenant_id, id, name, permissions, tenant_status, secret_hash, hint, created_by, expires_at) on tenant.api_keys to rowhouse_api;
grant update (name, secret_hash, previous_hash, previous_until, hint, expires_at) on tenant.api_keys to rowhouse_api;
grant select (tenant_id, id, permissions, tenant_status, secret_hash, previous_hash, previous_until, expires_at, last_used_at)
    on tenant.api_keys to rowhouse_tenancy;
grant update (last_used_at) on tenant.api_keys to rowhouse_tenancy;

-- Triggers that ask hold for whoever stands behind the wall, under whatever role, but for the owner (what cascades) and the doors.
-- Being used is no change of the key.
create or replace trigger keep_version before update of name, secret_hash, expires_at, created_by on tenant.api_keys
    for each row execute function registry.keep_version();
create or replace trigger known_permissions before insert on tenant.api_keys
    for each row execute function registry.known_permissions();
create or replace trigger person_only before insert or update on tenant.api_keys
    for each row when (row_security_active('tenant.api_keys'::regclass) and current_user not in ('rowhouse_owner', 'rowhouse_tenancy'))
    execute function registry.person_only();
create or replace trigger no_more_than_held before insert or update on tenant.api_keys
    for each row when (row_security_active('tenant.api_keys'::regclass) and current_user not in ('rowhouse_owner', 'rowhouse_tenancy'))
    execute function registry.no_more_than_held();
create or replace trigger notify_of_api_key after insert or delete on tenant.api_keys
    for each row when (row_security_active('tenant.api_keys'::regclass) and current_user not in ('rowhouse_owner', 'rowhouse_tenancy'))
    execute function registry.notify_of_api_key();
-- What happened is told (registry.note_changes).
create or replace trigger note_new after insert on tenant.api_keys
    referencing new table as after for each statement
    execute function registry.note_changes('', 'api_key.created', 'api-keys:read');
create or replace trigger note_changed after update on tenant.api_keys
    referencing old table as before new table as after for each statement
    execute function registry.note_changes('', 'api_key.updated', 'api-keys:read', 'name', 'hint', 'expires_at');
create or replace trigger note_gone after delete on tenant.api_keys
    referencing old table as before for each statement
    execute function registry.note_changes('', 'api_key.revoked', 'api-keys:read');
-- Whoever follows something here asks again, whoever changes it, by hand too (registry.wake_streams).
create or replace trigger wake_changed after update on tenant.api_keys
    referencing old table as before new table as after for each statement execute function registry.wake_streams();
create or replace trigger wake_gone after delete on tenant.api_keys
    referencing old table as before for each statement execute function registry.wake_streams();
