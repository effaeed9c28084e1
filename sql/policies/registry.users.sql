comment on table registry.users is 'A person sees their own record, never a password hash, and changes their own name; operators see all but hashes.';
alter table registry.users enable row level security;
alter table registry.users force row level security;

create policy wall on registry.users as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using      (id = (select current_setting('app.user_id')::uuid))
    with check (id = (select current_setting('app.user_id')::uuid));
comment on policy wall on registry.users is
    'Wall: rows of the person who is set and of nobody else; restrictive, so no other policy widens it. Without a person it raises.';

create policy select_own on registry.users for select to rowhouse_gate
    using (id = (select registry.signed_in()));
comment on policy select_own on registry.users is
    'A person signed in sees their own record; the hash of the password is granted to nobody who serves.';
create policy update_own on registry.users for update to rowhouse_gate
    using      (id = (select registry.signed_in()))
    with check (id = (select registry.signed_in()));
comment on policy update_own on registry.users is 'A person signed in changes their own name.';
create policy select_operators on registry.users for select to rowhouse_platform
    using (true);
comment on policy select_operators on registry.users is 'Operators, by the platforms own role.';

create policy select_doors on registry.users for select to rowhouse_identity
    using (true);
comment on policy select_doors on registry.users is 'Doors on accounts look one up by its address or id.';
create policy insert_doors on registry.users for insert to rowhouse_identity
    with check (active);
comment on policy insert_doors on registry.users is 'Doors on accounts make one.';
create policy update_doors on registry.users for update to rowhouse_identity
    using (true) with check (true);
comment on policy update_doors on registry.users is 'Doors on accounts change what proves who somebody is.';

create policy delete_unconfirmed on registry.users for delete to rowhouse_identity
    using (email_verified_at is null and created_at < now() - interval '30 days');
comment on policy delete_unconfirmed on registry.users is
    'registry.forget_of_accounts takes away whoever signed up long ago and never confirmed the address.';

grant select (id, email, full_name, active, email_verified_at, leans_on_second_factor, created_at, updated_at, version)
    on registry.users to rowhouse_gate, rowhouse_platform;
grant update (full_name) on registry.users to rowhouse_gate;
grant select (id, email, full_name, password_hash, active, email_verified_at, leans_on_second_factor, created_at, updated_at, version)
    on registry.users to rowhouse_identity;
grant insert (id, email, full_name, password_hash, email_verified_at), delete on registry.users to rowhouse_identity;
grant update (email, full_name, password_hash, leans_on_second_factor, email_verified_at) on registry.users to rowhouse_identity;

create or replace trigger keep_version before update on registry.users
    for each row execute function registry.keep_version();
create or replace trigger forget_devices after update of password_hash on registry.users
    for each row when (new.password_hash <> old.password_hash) execute function registry.forget_devices();
