comment on table tenant.tickets is
    'Walled, and inside the wall each caller''s own: no permission shows anybody else''s. A row says that a ticket has not been used; it opens nothing without what the servers locked into the ticket.';
alter table tenant.tickets enable row level security;
alter table tenant.tickets force row level security;

create policy wall on tenant.tickets as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.tickets is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_own on tenant.tickets for select to rowhouse_api
    using (principal = (select registry.principal()));
comment on policy select_own on tenant.tickets is 'Each caller sees their own; no permission shows anybody elses.';
create policy insert_own on tenant.tickets for insert to rowhouse_api
    with check (principal = (select registry.principal()));
comment on policy insert_own on tenant.tickets is 'Each caller is given tickets of their own.';
create policy delete_own on tenant.tickets for delete to rowhouse_api
    using (principal = (select registry.principal()));
comment on policy delete_own on tenant.tickets is 'Each caller uses tickets of their own.';

create policy select_worker on tenant.tickets for select to rowhouse_worker
    using (tenant_id = (select registry.require_job('tickets:forget')));
comment on policy select_worker on tenant.tickets is 'The job that forgets those that nobody used finds them.';
create policy delete_worker on tenant.tickets for delete to rowhouse_worker
    using (tenant_id = (select registry.require_job('tickets:forget')) and expires_at <= now());
comment on policy delete_worker on tenant.tickets is 'The job that forgets those that nobody used, once they are good for nothing.';

grant select, delete on tenant.tickets to rowhouse_api;
grant select (tenant_id, principal, id, expires_at), delete on tenant.tickets to rowhouse_worker;
grant insert (tenant_id, user_id, api_key_id, id) on tenant.tickets to rowhouse_api;
