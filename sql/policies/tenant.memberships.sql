-- tenant.memberships: walled. Seen by fellow members; changed by nobody who serves requests yet.
alter table tenant.memberships enable row level security;
alter table tenant.memberships force row level security;

create policy wall on tenant.memberships as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));

create policy read on tenant.memberships for select to rowhouse_api
    using (tenant_id = (select registry.require('members:read')));

-- The doors see the memberships of the user who asks, in whichever tenant, and no one else's.
create policy own on tenant.memberships for select to rowhouse_doors
    using (user_id = (select current_setting('app.user_id')::uuid));

grant select on tenant.memberships to rowhouse_api;
grant select (tenant_id, user_id, role_id, permissions, tenant_status, account_active) on tenant.memberships to rowhouse_doors;

create or replace trigger keep_version before update on tenant.memberships
    for each row execute function registry.keep_version();
