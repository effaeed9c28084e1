-- tenant.api_keys: walled. A key holds no more than whoever makes or rotates it; revoking one asks for the
-- permission alone. Of secrets only SHA-256 is here.
alter table tenant.api_keys enable row level security;
alter table tenant.api_keys force row level security;

create policy wall on tenant.api_keys as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));

create policy read on tenant.api_keys for select to rowhouse_api
    using (tenant_id = (select registry.require('api-keys:read')));
create policy add on tenant.api_keys for insert to rowhouse_api
    with check (tenant_id = (select registry.require('api-keys:write')));
create policy change on tenant.api_keys for update to rowhouse_api
    using      (tenant_id = (select registry.require('api-keys:write')))
    with check (tenant_id = (select registry.require('api-keys:write')));
create policy remove on tenant.api_keys for delete to rowhouse_api
    using (tenant_id = (select registry.require('api-keys:delete')));

-- registry.require asks what a key holds, and registry.touch_api_key notes its use, in the tenant that is set.
create policy ask on tenant.api_keys for select to rowhouse_tenancy
    using (tenant_id = (select current_setting('app.tenant_id')::uuid));
create policy touch on tenant.api_keys for update to rowhouse_tenancy
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));

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
create or replace trigger tell_of_api_key after insert or delete on tenant.api_keys
    for each row when (row_security_active('tenant.api_keys'::regclass) and current_user not in ('rowhouse_owner', 'rowhouse_tenancy'))
    execute function registry.tell_of_api_key();
