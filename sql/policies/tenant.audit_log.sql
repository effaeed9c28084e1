comment on table tenant.audit_log is
    'Walled; who did what, written by registry.note_changes in the transaction of the change. Read by whoever holds audit-log:read. Nobody who serves writes or changes a row; a job forgets those of long ago once they are sealed (tenant.audit_seals).';
comment on column tenant.audit_log.before is 'Values before, of the columns that have changed; masked where registry.masked_columns says so.';
comment on column tenant.audit_log.after is 'Values since.';
alter table tenant.audit_log enable row level security;
alter table tenant.audit_log force row level security;

create policy wall on tenant.audit_log as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.audit_log is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.audit_log for select to rowhouse_api
    using (tenant_id = (select registry.require('audit-log:read')));
comment on policy select_permitted on tenant.audit_log is 'Whoever holds audit-log:read in the tenant that is set.';

create policy insert_triggers on tenant.audit_log for insert to rowhouse_writers
    with check (xid = (select pg_current_xact_id()::text::bigint));
comment on policy insert_triggers on tenant.audit_log is
    'registry.note_changes, for whichever tenant has changed, and as of its own transaction alone. It sees none of them.';

create policy select_worker on tenant.audit_log for select to rowhouse_worker
    using (tenant_id = (select registry.require_job('audit_log:seal')));
comment on policy select_worker on tenant.audit_log is 'A job that seals rows, or forgets those that are sealed.';
-- However few days a job was told: what is younger than this nobody forgets.
create policy delete_worker on tenant.audit_log for delete to rowhouse_worker
    using (tenant_id = (select registry.require_job('audit_log:forget')) and at < now() - interval '90 days');
comment on policy delete_worker on tenant.audit_log is 'The job that forgets what was done long ago.';

grant select on tenant.audit_log to rowhouse_api, rowhouse_worker;
grant delete on tenant.audit_log to rowhouse_worker;
grant insert (tenant_id, epoch, id, actor_kind, actor_id, on_behalf_of, session_id, request_id, address, action, object_type, object_id, before, after)
    on tenant.audit_log to rowhouse_writers;

-- Behind the wall the policies above see to it; this is for those whom no policy stops.
create or replace trigger append_only before update or delete on tenant.audit_log
    for each row when (not row_security_active('tenant.audit_log'::regclass)) execute function registry.append_only('90 days');
create or replace trigger append_only_whole before truncate on tenant.audit_log
    for each statement execute function registry.append_only();
