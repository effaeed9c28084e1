comment on table tenant.audit_seals is
    'Walled; a chain of signed heads over the rows of tenant.audit_log, in the order in which those were committed. Read by whoever holds audit-log:read; a job appends to it, and nobody changes it.';
comment on column tenant.audit_seals.leaves is 'SHA-256 of each row of the batch, in order: by these it is told which row is another.';
comment on column tenant.audit_seals.head is 'SHA-256 of this seal and of the head before.';
comment on column tenant.audit_seals.signature is 'Ed25519 of the head, by a key that no database knows.';
alter table tenant.audit_seals enable row level security;
alter table tenant.audit_seals force row level security;

create policy wall on tenant.audit_seals as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.audit_seals is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_worker on tenant.audit_seals for select to rowhouse_worker
    using (tenant_id = (select registry.require_job('audit_log:seal')));
comment on policy select_worker on tenant.audit_seals is 'A job that seals goes on where the chain ends.';
create policy insert_worker on tenant.audit_seals for insert to rowhouse_worker
    with check (tenant_id = (select registry.require_job('audit_log:seal')));
comment on policy insert_worker on tenant.audit_seals is 'A job that seals.';

grant select on tenant.audit_seals to rowhouse_worker;
grant insert (tenant_id, number, epoch, xid, row_id, rows, leaves, forgotten_through, sealed_at, head, signature, key_id) on tenant.audit_seals to rowhouse_worker;

create or replace trigger append_only before update or delete or truncate on tenant.audit_seals
    for each statement execute function registry.append_only();
