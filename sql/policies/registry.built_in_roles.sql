comment on table registry.built_in_roles is 'What a new tenant''s roles are copied from; the same for every tenant.';
alter table registry.built_in_roles enable row level security;
alter table registry.built_in_roles force row level security;

create policy select_everybody on registry.built_in_roles for select
    to rowhouse_platform, rowhouse_owner, rowhouse_tenancy
    using (true);
comment on policy select_everybody on registry.built_in_roles is 'The same for every tenant, and no secret.';

grant select on registry.built_in_roles to rowhouse_platform, rowhouse_tenancy;
