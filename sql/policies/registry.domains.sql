comment on table registry.domains is
    'A tenant''s claims to domains, seen and made by the tenant; operators see all. A claim resolves to nobody: registry.hosts does, once registry.note_domain_check was shown the record.';
alter table registry.domains enable row level security;
alter table registry.domains force row level security;

create policy wall on registry.domains as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on registry.domains is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on registry.domains for select to rowhouse_api
    using (tenant_id = (select registry.require('tenant:read')));
comment on policy select_permitted on registry.domains is 'Whoever holds tenant:read in the tenant that is set.';
create policy insert_permitted on registry.domains for insert to rowhouse_api
    with check (tenant_id = (select registry.require_feature('domains', 'domains:write')));
comment on policy insert_permitted on registry.domains is
    'Whoever holds domains:write in the tenant that is set, if its plan has domains; what is there stays.';
create policy delete_permitted on registry.domains for delete to rowhouse_api
    using (tenant_id = (select registry.require('domains:delete')));
comment on policy delete_permitted on registry.domains is 'Whoever holds domains:delete in the tenant that is set.';
create policy select_operators on registry.domains for select to rowhouse_platform
    using (true);
comment on policy select_operators on registry.domains is 'Operators, by the platforms own role.';

create policy select_worker on registry.domains for select to rowhouse_worker
    using (tenant_id = (select registry.require_job('domains:check')));
comment on policy select_worker on registry.domains is 'The job that looks whether domains still show their record.';

create policy select_doors on registry.domains for select to rowhouse_tenancy
    using (true);
comment on policy select_doors on registry.domains is
    'registry.note_domain_check: claims of the tenant that is set, and of others those that resolve, to let go of; once let go of they do not resolve, and a row that is written has to be seen as well.';
create policy update_doors on registry.domains for update to rowhouse_tenancy
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid) or verified_at is not null)
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid) or verified_at is null);
comment on policy update_doors on registry.domains is
    'registry.note_domain_check: a claim of the tenant that is set is proven; anothers that resolves is let go of.';

grant select, delete on registry.domains to rowhouse_api;
grant insert (tenant_id, id, domain, challenge) on registry.domains to rowhouse_api;
grant select (tenant_id, id, domain, challenge, verified_at) on registry.domains to rowhouse_worker;
grant select on registry.domains to rowhouse_platform;
grant select on registry.domains to rowhouse_tenancy;
grant update (verified_at, checked_at) on registry.domains to rowhouse_tenancy;

-- What happened is told (registry.note_changes).
create or replace trigger note_new after insert on registry.domains
    referencing new table as after for each statement
    execute function registry.note_changes('', 'domain.claimed', 'tenant:read', '+id');
create or replace trigger note_changed after update on registry.domains
    referencing old table as before new table as after for each statement
    execute function registry.note_changes('', 'domain.changed', 'tenant:read', '+id', 'verified_at');
create or replace trigger note_gone after delete on registry.domains
    referencing old table as before for each statement
    execute function registry.note_changes('', 'domain.released', 'tenant:read', '+id');
