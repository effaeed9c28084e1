comment on table tenant.notifications is
    'Walled, and inside the wall each member''s own: no permission shows anybody else''s, and an API key has none. A member says when they have read one, and nothing else; nobody who serves writes or deletes one, and a job forgets old ones.';
alter table tenant.notifications enable row level security;
alter table tenant.notifications force row level security;

create policy wall on tenant.notifications as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.notifications is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_own on tenant.notifications for select to rowhouse_api
    using (tenant_id = (select registry.require_person()) and user_id = (select current_setting('app.user_id')::uuid));
comment on policy select_own on tenant.notifications is 'Each member sees their own; no permission shows anybody elses.';
create policy update_own on tenant.notifications for update to rowhouse_api
    using      (tenant_id = (select registry.require_person()) and user_id = (select current_setting('app.user_id')::uuid))
    with check (tenant_id = (select registry.require_person()) and user_id = (select current_setting('app.user_id')::uuid));
comment on policy update_own on tenant.notifications is 'Each member says of their own that they have read it, and nothing else.';

create policy insert_tell on tenant.notifications for insert to rowhouse_writers
    with check (read_at is null and xid = (select pg_current_xact_id()::text::bigint));
comment on policy insert_tell on tenant.notifications is
    'registry.notify_member, which doors alone may call, for whom it concerns, and as of its own transaction alone. It sees none of them.';

create policy select_worker on tenant.notifications for select to rowhouse_worker
    using (tenant_id = (select registry.require_job('notifications:forget')));
comment on policy select_worker on tenant.notifications is 'The job that forgets old ones finds them; the grant is on whose they are and since when.';
-- However few days a job was told: what is younger than this nobody forgets.
create policy delete_worker on tenant.notifications for delete to rowhouse_worker
    using (tenant_id = (select registry.require_job('notifications:forget')) and created_at < now() - interval '30 days');
comment on policy delete_worker on tenant.notifications is 'The job that forgets what was told long ago.';

grant select on tenant.notifications to rowhouse_api;
grant select (tenant_id, user_id, id, created_at), delete on tenant.notifications to rowhouse_worker;
grant update (read_at) on tenant.notifications to rowhouse_api;
grant insert (tenant_id, user_id, epoch, id, kind, title, body, link, data) on tenant.notifications to rowhouse_writers;
