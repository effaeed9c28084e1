comment on table tenant.entitlements is
    'Walled. What a tenant has a right to, worked out by registry.derive_entitlements; read by whoever holds billing:read, and by doors for whoever asks. Nobody writes it.';
alter table tenant.entitlements enable row level security;
alter table tenant.entitlements force row level security;

create policy wall on tenant.entitlements as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.entitlements is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.entitlements for select to rowhouse_api
    using (tenant_id = (select registry.require('billing:read')));
comment on policy select_permitted on tenant.entitlements is 'Whoever holds billing:read in the tenant that is set.';
create policy all_billing on tenant.entitlements to rowhouse_billing
    using (true) with check (true);
comment on policy all_billing on tenant.entitlements is
    'registry.derive_entitlements, in whichever tenant something has changed; registry.require_feature reads that of the tenant that is set.';

grant select on tenant.entitlements to rowhouse_api, rowhouse_billing;
grant insert (tenant_id, plan, plan_version, plan_name, features, limits, access) on tenant.entitlements to rowhouse_billing;
grant update (plan, plan_version, plan_name, features, limits, access) on tenant.entitlements to rowhouse_billing;

create or replace trigger keep_version before update on tenant.entitlements
    for each row execute function registry.keep_version();
