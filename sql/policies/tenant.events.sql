comment on table tenant.events is
    'Walled; what happened, told by registry.note_changes in the transaction in which it did. Read by whoever holds events:read and the permission that the event names; nobody who serves writes, changes or deletes one, and a job forgets those of long ago.';
comment on column tenant.events.data is 'Ids, versions and names of the fields that changed; never what they hold.';
alter table tenant.events enable row level security;
alter table tenant.events force row level security;

create policy wall on tenant.events as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.events is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.events for select to rowhouse_api
    using (tenant_id = (select registry.require('events:read'))
           and permission = any ((select registry.caller_permissions())::text[]));
comment on policy select_permitted on tenant.events is
    'Whoever holds events:read in the tenant that is set, and of each event the permission that it names.';

create policy insert_triggers on tenant.events for insert to rowhouse_writers
    with check (xid = (select pg_current_xact_id()::text::bigint));
comment on policy insert_triggers on tenant.events is
    'registry.note_changes, for whichever tenant has changed, and as of its own transaction alone. It sees none of them.';

create policy select_worker on tenant.events for select to rowhouse_worker
    using (tenant_id = (select registry.require_job('events:read')));
comment on policy select_worker on tenant.events is 'A job that reads events, or forgets them.';
-- However few days a job was told: what is younger than this nobody forgets.
create policy delete_worker on tenant.events for delete to rowhouse_worker
    using (tenant_id = (select registry.require_job('events:forget')) and created_at < now() - interval '30 days');
comment on policy delete_worker on tenant.events is 'The job that forgets what happened long ago.';

create policy select_doors on tenant.events for select to rowhouse_tenancy
    using (true);
comment on policy select_doors on tenant.events is
    'registry.webhooks_behind looks which tenants have events that were not read; the grant is on where they stand.';

grant select on tenant.events to rowhouse_api, rowhouse_worker;
grant select (tenant_id, type, epoch, xid, id) on tenant.events to rowhouse_tenancy;
grant delete on tenant.events to rowhouse_worker;
grant insert (tenant_id, epoch, id, type, permission, actor_kind, actor_id, data) on tenant.events to rowhouse_writers;
