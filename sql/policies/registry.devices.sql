-- registry.devices: a person's own, remembered when they have just signed in, forgotten when they sign out everywhere, and
-- with their password. A door says whether a device is known before anybody is signed in.
alter table registry.devices enable row level security;
alter table registry.devices force row level security;

create policy wall on registry.devices as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using      (user_id = (select current_setting('app.user_id')::uuid))
    with check (user_id = (select current_setting('app.user_id')::uuid));

create policy own on registry.devices for select to rowhouse_gate
    using (user_id = (select registry.signed_in()));
create policy remember on registry.devices for insert to rowhouse_gate
    with check (user_id = (select registry.signed_in(within => interval '10 minutes')));
create policy forget on registry.devices for delete to rowhouse_gate
    using (user_id = (select registry.signed_in()));

create policy known on registry.devices for select to rowhouse_identity
    using (true);
create policy forget_with_password on registry.devices for delete to rowhouse_identity
    using (true);

grant select, delete on registry.devices to rowhouse_gate;
grant insert (user_id, token_hash) on registry.devices to rowhouse_gate;
grant select (user_id, token_hash, created_at), delete on registry.devices to rowhouse_identity;
