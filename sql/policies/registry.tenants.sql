comment on table registry.tenants is 'A request sees its own tenant''s record and may rename it; operators see all.';
comment on column registry.tenants.cell is 'Which PostgreSQL the tenant''s rows are in: one for all today.';
comment on column registry.tenants.epoch is 'How often the tenant has moved, and one: what was read before a move says a lower one.';
alter table registry.tenants enable row level security;
alter table registry.tenants force row level security;

create policy wall on registry.tenants as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (id = (select current_setting('app.tenant_id')::uuid))
    with check (id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on registry.tenants is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on registry.tenants for select to rowhouse_api
    using (id = (select registry.require('tenant:read')));
comment on policy select_permitted on registry.tenants is 'Whoever holds tenant:read in the tenant that is set.';
create policy update_permitted on registry.tenants for update to rowhouse_api
    using      (id = (select registry.require('tenant:write')))
    with check (id = (select registry.require('tenant:write')));
comment on policy update_permitted on registry.tenants is 'Whoever holds tenant:write in the tenant that is set.';
create policy select_operators on registry.tenants for select to rowhouse_platform
    using (true);
comment on policy select_operators on registry.tenants is 'Operators, by the platforms own role.';

create policy select_doors on registry.tenants for select to rowhouse_tenancy
    using (true);
comment on policy select_doors on registry.tenants is 'registry.tenant_of_host finds a tenant by its slug; registry.my_tenants names a persons own.';
create policy insert_found on registry.tenants for insert to rowhouse_tenancy
    with check (status = 'trial');
comment on policy insert_found on registry.tenants is 'registry.found_tenant: a tenant begins on trial.';

create policy select_epoch on registry.tenants for select to rowhouse_writers
    using (true);
comment on policy select_epoch on registry.tenants is
    'registry.note_changes says in which epoch of a tenant something happened; the grant is on that.';

create policy select_worker on registry.tenants for select to rowhouse_worker
    using (id = (select registry.require_job('webhooks:relay')));
comment on policy select_worker on registry.tenants is 'A job that reads events goes by the epoch of its tenant; the grant is on that.';

create policy select_billing on registry.tenants for select to rowhouse_billing
    using (true);
comment on policy select_billing on registry.tenants is 'registry.advance_subscription, in whichever tenant something has become of what it is on; registry.finalize_invoice says what the tenant is called.';
create policy update_billing on registry.tenants for update to rowhouse_billing
    using      (status in ('trial', 'active', 'read_only', 'unpaid'))
    with check (status in ('trial', 'active', 'read_only', 'unpaid'));
comment on policy update_billing on registry.tenants is
    'registry.advance_subscription says what becomes of who pays and who does not; what whoever runs the platform has decided it leaves alone.';

grant select on registry.tenants to rowhouse_api, rowhouse_platform;
grant select (id, name, status, paid_until), update (status, paid_until) on registry.tenants to rowhouse_billing;
grant select (id, epoch) on registry.tenants to rowhouse_worker;
grant select (id, epoch) on registry.tenants to rowhouse_writers;
grant update (name) on registry.tenants to rowhouse_api;
grant select (id, slug, name, status, founder_id, epoch, created_at) on registry.tenants to rowhouse_tenancy;
grant insert (id, slug, name, status, trial_ends_at, founder_id) on registry.tenants to rowhouse_tenancy;

create or replace trigger keep_version before update on registry.tenants
    for each row execute function registry.keep_version();
create or replace trigger begin_settings after insert on registry.tenants
    for each row execute function registry.begin_settings();
create or replace trigger begin_generations after insert on registry.tenants
    for each row execute function registry.begin_generations();
create or replace trigger begin_jobs after insert on registry.tenants
    for each row execute function registry.begin_jobs();
create or replace trigger begin_subscription after insert on registry.tenants
    for each row execute function registry.begin_subscription();
-- What happened is told; a tenant's own row has no tenant_id, so it has a trigger of its own kind.
create or replace trigger note_renamed after update of name on registry.tenants
    for each row when (new.name <> old.name)
    execute function registry.note_tenant('', 'tenant.updated', 'tenant:read', 'name');
-- What operators and billing do to a tenant is written down, and nothing told.
create or replace trigger note_standing after update of slug, status, trial_ends_at, paid_until on registry.tenants
    for each row execute function registry.note_tenant('', '', '', 'slug', 'status', 'trial_ends_at', 'paid_until');
create or replace trigger refuse_reserved_slug before insert or update of slug on registry.tenants
    for each row execute function registry.refuse_reserved_slug();
