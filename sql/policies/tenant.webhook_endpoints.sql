comment on table tenant.webhook_endpoints is
    'Walled. Where what happens is told. An endpoint may be told of no more than whoever configured it may read, as an API key.';
alter table tenant.webhook_endpoints enable row level security;
alter table tenant.webhook_endpoints force row level security;

create policy wall on tenant.webhook_endpoints as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.webhook_endpoints is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.webhook_endpoints for select to rowhouse_api
    using (tenant_id = (select registry.require('webhooks:read')));
comment on policy select_permitted on tenant.webhook_endpoints is 'Whoever holds webhooks:read in the tenant that is set.';
create policy insert_permitted on tenant.webhook_endpoints for insert to rowhouse_api
    with check (tenant_id = (select registry.require_feature('webhooks', 'webhooks:write')));
comment on policy insert_permitted on tenant.webhook_endpoints is
    'Whoever holds webhooks:write in the tenant that is set, if its plan has webhooks; what is there stays.';
create policy update_permitted on tenant.webhook_endpoints for update to rowhouse_api
    using      (tenant_id = (select registry.require('webhooks:write')))
    with check (tenant_id = (select registry.require('webhooks:write')));
comment on policy update_permitted on tenant.webhook_endpoints is 'Whoever holds webhooks:write in the tenant that is set.';
create policy delete_permitted on tenant.webhook_endpoints for delete to rowhouse_api
    using (tenant_id = (select registry.require('webhooks:write')));
comment on policy delete_permitted on tenant.webhook_endpoints is 'Whoever holds webhooks:write in the tenant that is set.';

grant select, delete on tenant.webhook_endpoints to rowhouse_api;
grant insert (tenant_id, id, url, description, event_types, permissions, ordered, created_by) on tenant.webhook_endpoints to rowhouse_api;
grant update (url, description, event_types, permissions, ordered, state, disabled_why, disabled_at, failing_since)
    on tenant.webhook_endpoints to rowhouse_api;

create policy select_worker on tenant.webhook_endpoints for select to rowhouse_worker
    using (tenant_id = (select registry.require_job('webhooks:write')));
comment on policy select_worker on tenant.webhook_endpoints is 'Jobs of webhooks: where to send what.';
create policy update_worker on tenant.webhook_endpoints for update to rowhouse_worker
    using      (tenant_id = (select registry.require_job('webhooks:write')))
    with check (tenant_id = (select registry.require_job('webhooks:write')));
comment on policy update_worker on tenant.webhook_endpoints is
    'Jobs of webhooks: since when it fails, and that it is sent nothing more; and to have it for themselves meanwhile.';
create policy select_doors on tenant.webhook_endpoints for select to rowhouse_tenancy
    using (state = 'enabled');
comment on policy select_doors on tenant.webhook_endpoints is 'registry.webhooks_behind looks which tenants have any.';

grant select on tenant.webhook_endpoints to rowhouse_worker;
grant update (state, disabled_why, disabled_at, failing_since) on tenant.webhook_endpoints to rowhouse_worker;
grant select (tenant_id, state) on tenant.webhook_endpoints to rowhouse_tenancy;

-- Triggers that ask hold for whoever stands behind the wall, under whatever role, but for the owner (what cascades) and the doors.
-- How it goes with its receiver is no change of the endpoint.
create or replace trigger keep_version before update of url, description, event_types, permissions, ordered, state on tenant.webhook_endpoints
    for each row execute function registry.keep_version();
create or replace trigger known_permissions before insert or update of permissions on tenant.webhook_endpoints
    for each row execute function registry.known_permissions();
create or replace trigger check_author before insert on tenant.webhook_endpoints
    for each row when (new.created_by is not null
                       and row_security_active('tenant.webhook_endpoints'::regclass) and current_user <> 'rowhouse_owner')
    execute function registry.check_author();
create or replace trigger no_more_than_held before insert or update of url, event_types, permissions on tenant.webhook_endpoints
    for each row when (row_security_active('tenant.webhook_endpoints'::regclass) and current_user <> 'rowhouse_owner')
    execute function registry.no_more_than_held();
-- Whoever makes or enables one has it told from then on, whoever does it.
create or replace trigger begin_telling before insert on tenant.webhook_endpoints
    for each row execute function registry.begin_telling();
create or replace trigger begin_telling_again before update of state on tenant.webhook_endpoints
    for each row when (new.state = 'enabled' and old.state <> 'enabled') execute function registry.begin_telling();
-- Whoever enables one has it told again.
create or replace trigger no_more_than_held_again before update of state on tenant.webhook_endpoints
    for each row when (new.state = 'enabled' and old.state <> 'enabled'
                       and row_security_active('tenant.webhook_endpoints'::regclass) and current_user <> 'rowhouse_owner')
    execute function registry.no_more_than_held();
create or replace trigger notify_of_webhook after update of state on tenant.webhook_endpoints
    for each row when (new.state = 'disabled' and old.state <> 'disabled' and new.disabled_why in ('gone', 'failing'))
    execute function registry.notify_of_webhook();
-- What happened is told (registry.note_changes).
create or replace trigger note_new after insert on tenant.webhook_endpoints
    referencing new table as after for each statement
    execute function registry.note_changes('', 'webhook_endpoint.created', 'webhooks:read');
create or replace trigger note_changed after update on tenant.webhook_endpoints
    referencing old table as before new table as after for each statement
    execute function registry.note_changes('', 'webhook_endpoint.updated', 'webhooks:read', 'url', 'description', 'event_types', 'ordered', 'state');
create or replace trigger note_gone after delete on tenant.webhook_endpoints
    referencing old table as before for each statement
    execute function registry.note_changes('', 'webhook_endpoint.deleted', 'webhooks:read');
