-- registry.users: a person sees their own record, never a password hash, and changes their own name; operators
-- see all but hashes.
alter table registry.users enable row level security;
alter table registry.users force row level security;

create policy wall on registry.users as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using      (id = (select current_setting('app.user_id')::uuid))
    with check (id = (select current_setting('app.user_id')::uuid));

create policy self on registry.users for select to rowhouse_gate
    using (id = (select registry.signed_in()));
create policy rename on registry.users for update to rowhouse_gate
    using      (id = (select registry.signed_in()))
    with check (id = (select registry.signed_in()));
create policy operate on registry.users for select to rowhouse_platform
    using (true);

-- The doors look one account up by its address or id, make one, and change what proves who it is.
create policy sign_in on registry.users for select to rowhouse_identity
    using (true);
create policy sign_up on registry.users for insert to rowhouse_identity
    with check (active);
create policy prove on registry.users for update to rowhouse_identity
    using (true) with check (true);

grant select (id, email, full_name, active, email_verified_at, leans_on_second_factor, created_at, updated_at, version)
    on registry.users to rowhouse_gate, rowhouse_platform;
grant update (full_name) on registry.users to rowhouse_gate;
grant select (id, email, full_name, password_hash, active, email_verified_at, leans_on_second_factor, created_at, updated_at, version)
    on registry.users to rowhouse_identity;
grant insert (id, email, full_name, password_hash, email_verified_at) on registry.users to rowhouse_identity;
grant update (email, full_name, password_hash, leans_on_second_factor, email_verified_at) on registry.users to rowhouse_identity;

create or replace trigger keep_version before update on registry.users
    for each row execute function registry.keep_version();
create or replace trigger forget_devices after update of password_hash on registry.users
    for each row when (new.password_hash <> old.password_hash) execute function registry.forget_devices();
