-- tenant.roles: walled. Seen by whoever may see roles; changed by nobody who serves requests yet.
alter table tenant.roles enable row level security;
alter table tenant.roles force row level security;

create policy wall on tenant.roles as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));

create policy read on tenant.roles for select to rowhouse_api
    using (tenant_id = (select registry.require('roles:read')));

-- registry.my_tenants names the role held in each tenant: it joins by (tenant_id, id) from a membership
-- it may see, and it may read the name alone.
create policy through_membership on tenant.roles for select to rowhouse_doors
    using (true);

grant select on tenant.roles to rowhouse_api;
grant select (tenant_id, id, name) on tenant.roles to rowhouse_doors;

create or replace trigger keep_version before update on tenant.roles
    for each row execute function registry.keep_version();
create or replace trigger known_permissions before insert or update of permissions on tenant.roles
    for each row execute function registry.known_permissions();
