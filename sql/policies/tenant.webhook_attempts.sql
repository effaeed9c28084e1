comment on table tenant.webhook_attempts is 'Walled. Each try at a delivery: what was sent and answered, in excerpts. Jobs write it, and it goes with the delivery.';
comment on column tenant.webhook_attempts.response is 'The first kilobyte of what the receiver answered: as untrusted as whoever runs it.';
alter table tenant.webhook_attempts enable row level security;
alter table tenant.webhook_attempts force row level security;

create policy wall on tenant.webhook_attempts as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.webhook_attempts is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.webhook_attempts for select to rowhouse_api
    using (tenant_id = (select registry.require('webhooks:read')) and permission = any ((select registry.caller_permissions())::text[]));
comment on policy select_permitted on tenant.webhook_attempts is
    'Whoever holds webhooks:read in the tenant that is set, and of each what reads the event that was sent.';
create policy insert_worker on tenant.webhook_attempts for insert to rowhouse_worker
    with check (tenant_id = (select registry.require_job('webhooks:sign')));
comment on policy insert_worker on tenant.webhook_attempts is 'A job that has sent something.';

grant select on tenant.webhook_attempts to rowhouse_api;
grant insert (tenant_id, id, delivery_id, permission, number, duration_ms, status, error, request, response) on tenant.webhook_attempts to rowhouse_worker;
