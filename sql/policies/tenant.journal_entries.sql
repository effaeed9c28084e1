comment on table tenant.journal_entries is
    'Walled. The journal of the double-entry ledger, append-only: functions of rowhouse_billing write it, and nobody who serves reaches it.';
alter table tenant.journal_entries enable row level security;
alter table tenant.journal_entries force row level security;

create policy wall on tenant.journal_entries as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.journal_entries is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy all_billing on tenant.journal_entries to rowhouse_billing
    using (true) with check (true);
comment on policy all_billing on tenant.journal_entries is 'Functions that book; the grants are to add and to read.';

grant select, insert (tenant_id, id, kind, booked_at, invoice_id, payment_id, made_by, note) on tenant.journal_entries to rowhouse_billing;

create or replace trigger append_only before update or delete on tenant.journal_entries
    for each row execute function registry.append_only();
create or replace trigger append_only_whole before truncate on tenant.journal_entries
    for each statement execute function registry.append_only();
