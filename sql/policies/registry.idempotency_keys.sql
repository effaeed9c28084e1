comment on table registry.idempotency_keys is 'A person''s own, for what they do outside any tenant; see tenant.idempotency_keys.';
comment on column registry.idempotency_keys.fingerprint is 'SHA-256 of the request: the same key with another request is refused.';
comment on column registry.idempotency_keys.answer is 'The body that was answered, given again.';
alter table registry.idempotency_keys enable row level security;
alter table registry.idempotency_keys force row level security;

create policy wall on registry.idempotency_keys as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using      (user_id = (select current_setting('app.user_id')::uuid))
    with check (user_id = (select current_setting('app.user_id')::uuid));
comment on policy wall on registry.idempotency_keys is
    'Wall: rows of the person who is set and of nobody else; restrictive, so no other policy widens it. Without a person it raises.';

create policy select_own on registry.idempotency_keys for select to rowhouse_gate
    using (user_id = (select registry.signed_in()));
comment on policy select_own on registry.idempotency_keys is 'A person signed in sees what they did outside any tenant.';
create policy insert_own on registry.idempotency_keys for insert to rowhouse_gate
    with check (user_id = (select registry.signed_in()));
comment on policy insert_own on registry.idempotency_keys is 'A person signed in claims a key for what they are about to do.';
create policy update_own on registry.idempotency_keys for update to rowhouse_gate
    using      (user_id = (select registry.signed_in()))
    with check (user_id = (select registry.signed_in()));
comment on policy update_own on registry.idempotency_keys is 'A person signed in keeps the answer with their own key.';
create policy delete_own on registry.idempotency_keys for delete to rowhouse_gate
    using (user_id = (select registry.signed_in()));
comment on policy delete_own on registry.idempotency_keys is 'A person signed in lets go of a key of theirs.';

create policy select_doors on registry.idempotency_keys for select to rowhouse_identity
    using (expires_at <= now());
comment on policy select_doors on registry.idempotency_keys is 'registry.forget_of_accounts finds those that have expired.';
create policy delete_doors on registry.idempotency_keys for delete to rowhouse_identity
    using (expires_at <= now());
comment on policy delete_doors on registry.idempotency_keys is 'registry.forget_of_accounts takes away those that have expired.';

grant select, delete on registry.idempotency_keys to rowhouse_gate;
grant select (user_id, expires_at), delete on registry.idempotency_keys to rowhouse_identity;
grant insert (user_id, key, fingerprint) on registry.idempotency_keys to rowhouse_gate;
grant update (status, answer) on registry.idempotency_keys to rowhouse_gate;
