comment on table registry.devices is
    'A person''s own, remembered when they have just signed in, forgotten when they sign out everywhere, and with their password. A door says whether a device is known before anybody is signed in.';
comment on column registry.devices.token_hash is 'SHA-256 of what the device keeps.';
alter table registry.devices enable row level security;
alter table registry.devices force row level security;

create policy wall on registry.devices as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using      (user_id = (select current_setting('app.user_id')::uuid))
    with check (user_id = (select current_setting('app.user_id')::uuid));
comment on policy wall on registry.devices is
    'Wall: rows of the person who is set and of nobody else; restrictive, so no other policy widens it. Without a person it raises.';

create policy select_own on registry.devices for select to rowhouse_gate
    using (user_id = (select registry.signed_in()));
comment on policy select_own on registry.devices is 'A person signed in sees the devices they were remembered on.';
create policy insert_own on registry.devices for insert to rowhouse_gate
    with check (user_id = (select registry.signed_in(within => interval '10 minutes')));
comment on policy insert_own on registry.devices is 'A person who has just signed in is remembered on a device.';
create policy delete_own on registry.devices for delete to rowhouse_gate
    using (user_id = (select registry.signed_in()));
comment on policy delete_own on registry.devices is 'A person signed in forgets a device of theirs.';

create policy select_doors on registry.devices for select to rowhouse_identity
    using (true);
comment on policy select_doors on registry.devices is 'registry.known_device says whether a device is known before anybody is signed in.';
create policy delete_doors on registry.devices for delete to rowhouse_identity
    using (true);
comment on policy delete_doors on registry.devices is 'Doors that change a password forget the devices with it.';

grant select, delete on registry.devices to rowhouse_gate;
grant insert (user_id, token_hash) on registry.devices to rowhouse_gate;
grant select (user_id, token_hash, created_at), delete on registry.devices to rowhouse_identity;
