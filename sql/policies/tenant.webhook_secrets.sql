comment on table tenant.webhook_secrets is
    'Walled. What signs what is sent to an endpoint, locked with the servers'' key. Who serves writes it and never reads it back; a worker reads it for a job that sends.';
comment on column tenant.webhook_secrets.sealed is 'The secret, locked with the servers'' key and bound to tenant, endpoint and id.';
comment on column tenant.webhook_secrets.fingerprint is 'HMAC over the secret by the servers'' key, so that one is not used twice.';
alter table tenant.webhook_secrets enable row level security;
alter table tenant.webhook_secrets force row level security;

create policy wall on tenant.webhook_secrets as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.webhook_secrets is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.webhook_secrets for select to rowhouse_api
    using (tenant_id = (select registry.require('webhooks:read')));
comment on policy select_permitted on tenant.webhook_secrets is
    'Whoever holds webhooks:read in the tenant that is set, as far as the grants go: when, and until when; never what.';
create policy insert_permitted on tenant.webhook_secrets for insert to rowhouse_api
    with check (tenant_id = (select registry.require('webhooks:write')));
comment on policy insert_permitted on tenant.webhook_secrets is 'Whoever holds webhooks:write in the tenant that is set.';
create policy update_permitted on tenant.webhook_secrets for update to rowhouse_api
    using      (tenant_id = (select registry.require('webhooks:write')))
    with check (tenant_id = (select registry.require('webhooks:write')));
comment on policy update_permitted on tenant.webhook_secrets is 'Whoever holds webhooks:write in the tenant that is set: when one ends.';
create policy delete_permitted on tenant.webhook_secrets for delete to rowhouse_api
    using (tenant_id = (select registry.require('webhooks:write')));
comment on policy delete_permitted on tenant.webhook_secrets is 'Whoever holds webhooks:write in the tenant that is set.';

grant select (tenant_id, endpoint_id, id, created_at, expires_at) on tenant.webhook_secrets to rowhouse_api;
grant insert (tenant_id, endpoint_id, id, sealed, fingerprint) on tenant.webhook_secrets to rowhouse_api;
grant update (expires_at) on tenant.webhook_secrets to rowhouse_api;
grant delete on tenant.webhook_secrets to rowhouse_api;

-- Triggers that ask hold for whoever stands behind the wall, under whatever role, but for the owner (what cascades) and the doors.
create or replace trigger no_more_than_told before insert or update on tenant.webhook_secrets
    for each row when (row_security_active('tenant.webhook_secrets'::regclass) and current_user <> 'rowhouse_owner')
    execute function registry.no_more_than_told();

create policy select_worker on tenant.webhook_secrets for select to rowhouse_worker
    using (tenant_id = (select registry.require_job('webhooks:sign')));
comment on policy select_worker on tenant.webhook_secrets is 'A job that sends: what it signs with, locked.';

grant select (tenant_id, endpoint_id, id, sealed, created_at, expires_at) on tenant.webhook_secrets to rowhouse_worker;
-- Who did it is written down, and nothing told (registry.note_changes).
create or replace trigger note_new after insert on tenant.webhook_secrets
    referencing new table as after for each statement execute function registry.note_changes('', '', '');
create or replace trigger note_changed after update on tenant.webhook_secrets
    referencing old table as before new table as after for each statement execute function registry.note_changes('', '', '');
create or replace trigger note_gone after delete on tenant.webhook_secrets
    referencing old table as before for each statement execute function registry.note_changes('', '', '');
