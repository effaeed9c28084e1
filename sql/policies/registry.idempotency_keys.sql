-- registry.idempotency_keys: a person's own, for what they do outside any tenant; see tenant.idempotency_keys.
alter table registry.idempotency_keys enable row level security;
alter table registry.idempotency_keys force row level security;

create policy wall on registry.idempotency_keys as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using      (user_id = (select current_setting('app.user_id')::uuid))
    with check (user_id = (select current_setting('app.user_id')::uuid));

create policy own on registry.idempotency_keys for select to rowhouse_gate
    using (user_id = (select registry.signed_in()));
create policy claim on registry.idempotency_keys for insert to rowhouse_gate
    with check (user_id = (select registry.signed_in()));
create policy store on registry.idempotency_keys for update to rowhouse_gate
    using      (user_id = (select registry.signed_in()))
    with check (user_id = (select registry.signed_in()));
create policy forget on registry.idempotency_keys for delete to rowhouse_gate
    using (user_id = (select registry.signed_in()));

grant select, delete on registry.idempotency_keys to rowhouse_gate;
grant insert (user_id, key, fingerprint) on registry.idempotency_keys to rowhouse_gate;
grant update (status, answer) on registry.idempotency_keys to rowhouse_gate;
