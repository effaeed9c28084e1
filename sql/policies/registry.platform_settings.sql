comment on table registry.platform_settings is
    'Operators read and write all of it; who serves reads what is public, for whoever asks, and writes nothing.';
alter table registry.platform_settings enable row level security;
alter table registry.platform_settings force row level security;

create policy wall on registry.platform_settings as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using (public) with check (false);
comment on policy wall on registry.platform_settings is 'Wall: who serves sees what is public and writes nothing.';

create policy select_public on registry.platform_settings for select to rowhouse_gate
    using (public);
comment on policy select_public on registry.platform_settings is 'What is public is so for whoever asks.';
create policy all_operators on registry.platform_settings to rowhouse_platform
    using (true) with check (true);
comment on policy all_operators on registry.platform_settings is 'Operators read and write, by the platforms own role.';
create policy select_sign_up on registry.platform_settings for select to rowhouse_identity
    using (key = 'signup.open');
comment on policy select_sign_up on registry.platform_settings is 'registry.sign_up asks whether it may, public or not.';
create policy select_meter on registry.platform_settings for select to rowhouse_tenancy
    using (key in ('limits.tenant_per_minute', 'limits.principal_per_minute', 'limits.tenant_per_month'));
comment on policy select_meter on registry.platform_settings is 'registry.meter asks how much a tenant may, public or not.';

grant select on registry.platform_settings to rowhouse_gate, rowhouse_platform;
grant insert, update, delete on registry.platform_settings to rowhouse_platform;
grant select (key, value) on registry.platform_settings to rowhouse_identity, rowhouse_tenancy;
