comment on table tenant.event_floors is
    'Walled. How far a tenant''s events are forgotten: read by whoever reads events, raised by the job that forgets them.';
alter table tenant.event_floors enable row level security;
alter table tenant.event_floors force row level security;

create policy wall on tenant.event_floors as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.event_floors is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.event_floors for select to rowhouse_api
    using (tenant_id = (select registry.require('events:read')));
comment on policy select_permitted on tenant.event_floors is 'Whoever holds events:read in the tenant that is set.';
create policy select_worker on tenant.event_floors for select to rowhouse_worker
    using (tenant_id = (select registry.require_job('events:read')));
comment on policy select_worker on tenant.event_floors is 'A job that reads events, or forgets them.';
create policy insert_worker on tenant.event_floors for insert to rowhouse_worker
    with check (tenant_id = (select registry.require_job('events:forget')));
comment on policy insert_worker on tenant.event_floors is 'The job that forgets events says how far.';
create policy update_worker on tenant.event_floors for update to rowhouse_worker
    using      (tenant_id = (select registry.require_job('events:forget')))
    with check (tenant_id = (select registry.require_job('events:forget')));
comment on policy update_worker on tenant.event_floors is 'The job that forgets events says how far.';

grant select on tenant.event_floors to rowhouse_api, rowhouse_worker;
grant insert (tenant_id, epoch, xid, event_id), update (epoch, xid, event_id) on tenant.event_floors to rowhouse_worker;
