-- registry.platform_settings: operators read and write all of it; who serves reads what is public, for whoever asks, and
-- writes nothing.
alter table registry.platform_settings enable row level security;
alter table registry.platform_settings force row level security;

create policy wall on registry.platform_settings as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using (public) with check (false);

create policy read on registry.platform_settings for select to rowhouse_gate
    using (public);
create policy operate on registry.platform_settings to rowhouse_platform
    using (true) with check (true);
-- registry.sign_up asks whether it may, and registry.meter how much, public or not.
create policy ask_whether on registry.platform_settings for select to rowhouse_identity
    using (key = 'signup.open');
create policy ask_how_much on registry.platform_settings for select to rowhouse_tenancy
    using (key in ('limits.tenant_per_minute', 'limits.principal_per_minute', 'limits.tenant_per_month'));

grant select on registry.platform_settings to rowhouse_gate, rowhouse_platform;
grant insert, update, delete on registry.platform_settings to rowhouse_platform;
grant select (key, value) on registry.platform_settings to rowhouse_identity, rowhouse_tenancy;
