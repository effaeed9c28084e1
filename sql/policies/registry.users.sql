-- registry.users: a person sees their own record, never a password hash; operators see all but hashes.
alter table registry.users enable row level security;
alter table registry.users force row level security;

create policy wall on registry.users as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (id = (select current_setting('app.user_id')::uuid))
    with check (id = (select current_setting('app.user_id')::uuid));

create policy self on registry.users for select to rowhouse_api
    using (active);
create policy operate on registry.users for select to rowhouse_platform
    using (true);

-- registry.find_login looks up one e-mail address before anyone is signed in.
create policy sign_in on registry.users for select to rowhouse_doors
    using (true);

grant select (id, email, full_name, active, created_at, updated_at, version)
    on registry.users to rowhouse_api, rowhouse_platform;
grant select (id, email, password_hash, active) on registry.users to rowhouse_doors;

create or replace trigger keep_version before update on registry.users
    for each row execute function registry.keep_version();
