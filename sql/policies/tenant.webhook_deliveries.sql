comment on table tenant.webhook_deliveries is
    'Walled. What endpoints are to be sent and were: jobs write it. Members may have it sent again, and make none but tests.';
comment on column tenant.webhook_deliveries.payload is 'What is sent, byte for byte the same each time: the event as the feed tells it, ids and names of fields.';
alter table tenant.webhook_deliveries enable row level security;
alter table tenant.webhook_deliveries force row level security;

create policy wall on tenant.webhook_deliveries as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.webhook_deliveries is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.webhook_deliveries for select to rowhouse_api
    using (tenant_id = (select registry.require('webhooks:read')) and permission = any ((select registry.caller_permissions())::text[]));
comment on policy select_permitted on tenant.webhook_deliveries is
    'Whoever holds webhooks:read in the tenant that is set, and of each what reads its event: what was sent tells as much as the event.';
create policy insert_test on tenant.webhook_deliveries for insert to rowhouse_api
    with check (tenant_id = (select registry.require('webhooks:write')) and event_type = 'webhook.test' and state = 'waiting');
comment on policy insert_test on tenant.webhook_deliveries is
    'Whoever holds webhooks:write in the tenant that is set, a test, which is no event: what happened nobody makes up.';
create policy update_permitted on tenant.webhook_deliveries for update to rowhouse_api
    using      (tenant_id = (select registry.require('webhooks:write')))
    with check (tenant_id = (select registry.require('webhooks:write')) and state = 'waiting' and attempts = 0 and next_at <= now());
comment on policy update_permitted on tenant.webhook_deliveries is
    'Whoever holds webhooks:write in the tenant that is set: to have it sent once more, and nothing else.';

create policy select_worker on tenant.webhook_deliveries for select to rowhouse_worker
    using (tenant_id = (select registry.require_job('webhooks:write')));
comment on policy select_worker on tenant.webhook_deliveries is 'Jobs of webhooks.';
create policy insert_worker on tenant.webhook_deliveries for insert to rowhouse_worker
    with check (tenant_id = (select registry.require_job('webhooks:relay')));
comment on policy insert_worker on tenant.webhook_deliveries is 'A job that reads events for webhooks.';
create policy update_worker on tenant.webhook_deliveries for update to rowhouse_worker
    using      (tenant_id = (select registry.require_job('webhooks:write')))
    with check (tenant_id = (select registry.require_job('webhooks:write')));
comment on policy update_worker on tenant.webhook_deliveries is 'Jobs of webhooks: what came of it, and that it is sent again.';
create policy delete_worker on tenant.webhook_deliveries for delete to rowhouse_worker
    using (tenant_id = (select registry.require_job('webhooks:forget')) and finished_at < now() - interval '7 days');
comment on policy delete_worker on tenant.webhook_deliveries is 'A job that forgets what has ended long ago; what ended lately nobody forgets, whatever a job is told.';

grant select on tenant.webhook_deliveries to rowhouse_api, rowhouse_worker;
grant insert (tenant_id, id, endpoint_id) on tenant.webhook_deliveries to rowhouse_api;
grant insert (tenant_id, id, endpoint_id, event_id, permission, event_type, payload) on tenant.webhook_deliveries to rowhouse_worker;
grant update (state, attempts, next_at, finished_at) on tenant.webhook_deliveries to rowhouse_api;
grant update (state, attempts, next_at, last_status, last_error, finished_at) on tenant.webhook_deliveries to rowhouse_worker;
grant delete on tenant.webhook_deliveries to rowhouse_worker;

create or replace trigger write_test before insert on tenant.webhook_deliveries
    for each row when (new.event_type = 'webhook.test') execute function registry.write_test();
