-- tenant.idempotency_keys: walled, and inside the wall each caller's own: no permission shows anybody else's. A caller
-- sets neither when a key expires nor, later on, whose it is or what was asked with it.
alter table tenant.idempotency_keys enable row level security;
alter table tenant.idempotency_keys force row level security;

create policy wall on tenant.idempotency_keys as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));

create policy own on tenant.idempotency_keys for select to rowhouse_api
    using (principal = (select registry.principal()));
create policy claim on tenant.idempotency_keys for insert to rowhouse_api
    with check (principal = (select registry.principal()));
create policy store on tenant.idempotency_keys for update to rowhouse_api
    using      (principal = (select registry.principal()))
    with check (principal = (select registry.principal()));
create policy forget on tenant.idempotency_keys for delete to rowhouse_api
    using (principal = (select registry.principal()));

grant select, delete on tenant.idempotency_keys to rowhouse_api;
grant insert (tenant_id, user_id, api_key_id, key, fingerprint) on tenant.idempotency_keys to rowhouse_api;
grant update (status, answer) on tenant.idempotency_keys to rowhouse_api;
