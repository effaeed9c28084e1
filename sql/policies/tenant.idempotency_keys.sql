comment on table tenant.idempotency_keys is
    'Walled, and inside the wall each caller''s own: no permission shows anybody else''s. A caller sets neither when a key expires nor, later on, whose it is or what was asked with it.';
comment on column tenant.idempotency_keys.fingerprint is 'SHA-256 of the request: the same key with another request is refused.';
comment on column tenant.idempotency_keys.answer is 'The body that was answered, given again.';
alter table tenant.idempotency_keys enable row level security;
alter table tenant.idempotency_keys force row level security;

create policy wall on tenant.idempotency_keys as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.idempotency_keys is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_own on tenant.idempotency_keys for select to rowhouse_api
    using (principal = (select registry.principal()));
comment on policy select_own on tenant.idempotency_keys is 'Each caller sees their own; no permission shows anybody elses.';
create policy insert_own on tenant.idempotency_keys for insert to rowhouse_api
    with check (principal = (select registry.principal()));
comment on policy insert_own on tenant.idempotency_keys is 'Each caller claims keys of their own.';
create policy update_own on tenant.idempotency_keys for update to rowhouse_api
    using      (principal = (select registry.principal()))
    with check (principal = (select registry.principal()));
comment on policy update_own on tenant.idempotency_keys is 'Each caller keeps the answer with their own key.';
create policy delete_own on tenant.idempotency_keys for delete to rowhouse_api
    using (principal = (select registry.principal()));
comment on policy delete_own on tenant.idempotency_keys is 'Each caller lets go of keys of their own.';

create policy select_worker on tenant.idempotency_keys for select to rowhouse_worker
    using (tenant_id = (select registry.require_job('idempotency_keys:forget')));
comment on policy select_worker on tenant.idempotency_keys is 'The job that forgets expired ones finds them; the grant leaves out what was asked and answered.';
create policy delete_worker on tenant.idempotency_keys for delete to rowhouse_worker
    using (tenant_id = (select registry.require_job('idempotency_keys:forget')) and expires_at <= now());
comment on policy delete_worker on tenant.idempotency_keys is 'The job that forgets keys that have expired.';

grant select, delete on tenant.idempotency_keys to rowhouse_api;
grant select (tenant_id, principal, key, expires_at), delete on tenant.idempotency_keys to rowhouse_worker;
grant insert (tenant_id, user_id, api_key_id, key, fingerprint) on tenant.idempotency_keys to rowhouse_api;
grant update (status, answer) on tenant.idempotency_keys to rowhouse_api;
