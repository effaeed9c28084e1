comment on table tenant.event_consumers is 'Walled. How far the events of a tenant have been read, for webhooks; whoever serves neither reads nor writes it.';
alter table tenant.event_consumers enable row level security;
alter table tenant.event_consumers force row level security;

create policy wall on tenant.event_consumers as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.event_consumers is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_worker on tenant.event_consumers for select to rowhouse_worker
    using (tenant_id = (select registry.require_job('webhooks:relay')));
comment on policy select_worker on tenant.event_consumers is 'A job that reads events for webhooks.';
create policy insert_worker on tenant.event_consumers for insert to rowhouse_worker
    with check (tenant_id = (select registry.require_job('webhooks:relay')));
comment on policy insert_worker on tenant.event_consumers is 'A job that reads events for webhooks, the first time.';
create policy update_worker on tenant.event_consumers for update to rowhouse_worker
    using      (tenant_id = (select registry.require_job('webhooks:relay')))
    with check (tenant_id = (select registry.require_job('webhooks:relay')));
comment on policy update_worker on tenant.event_consumers is 'A job that reads events for webhooks, and has come further.';
create policy select_doors on tenant.event_consumers for select to rowhouse_tenancy
    using (true);
comment on policy select_doors on tenant.event_consumers is 'registry.webhooks_behind looks which tenants have events that were not read for webhooks.';

grant select on tenant.event_consumers to rowhouse_worker;
grant insert (tenant_id, consumer), update (epoch, xid, event_id, moment) on tenant.event_consumers to rowhouse_worker;
grant select (tenant_id, consumer, epoch, xid, event_id) on tenant.event_consumers to rowhouse_tenancy;
