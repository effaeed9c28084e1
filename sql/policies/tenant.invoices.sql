comment on table tenant.invoices is
    'Walled. Invoices and credit notes: issued by functions of rowhouse_billing alone, read by whoever holds billing:read. What was issued stays as it is.';
alter table tenant.invoices enable row level security;
alter table tenant.invoices force row level security;

create policy wall on tenant.invoices as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.invoices is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.invoices for select to rowhouse_api
    using (tenant_id = (select registry.require('billing:read')));
comment on policy select_permitted on tenant.invoices is 'Whoever holds billing:read in the tenant that is set.';

create policy all_billing on tenant.invoices to rowhouse_billing
    using (true) with check (true);
comment on policy all_billing on tenant.invoices is 'Functions that issue and settle, for operators, the clock and providers.';

grant select on tenant.invoices to rowhouse_api;
grant select on tenant.invoices to rowhouse_billing;
grant insert (tenant_id, id, kind, credits_id, subscription_id, reason, currency, subtotal_minor, tax_minor, total_minor, period_from, period_to, seller, note)
    on tenant.invoices to rowhouse_billing;
grant update (status, number, subtotal_minor, tax_minor, total_minor, settled_minor, credited_minor, seller_name, seller_address, seller_tax_number, customer_name, issued_at, due_at, settled_at)
    on tenant.invoices to rowhouse_billing;

create or replace trigger keep_issued before update or delete on tenant.invoices
    for each row execute function registry.keep_issued();
create or replace trigger keep_version before update on tenant.invoices
    for each row execute function registry.keep_version();
create or replace trigger note_changed after update on tenant.invoices
    referencing old table as before new table as after for each statement
    execute function registry.note_changes('', 'invoice.updated', 'billing:read', 'status', 'number', 'settled_minor', 'credited_minor');
-- That one is drafted or thrown away is written down, and nothing told.
create or replace trigger note_new after insert on tenant.invoices
    referencing new table as after for each statement execute function registry.note_changes('', '', '');
create or replace trigger note_gone after delete on tenant.invoices
    referencing old table as before for each statement execute function registry.note_changes('', '', '');
