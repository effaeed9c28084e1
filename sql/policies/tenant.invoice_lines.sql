comment on table tenant.invoice_lines is
    'Walled. What an invoice is for, and the tax on it: written with its draft, and never changed once it was issued.';
alter table tenant.invoice_lines enable row level security;
alter table tenant.invoice_lines force row level security;

create policy wall on tenant.invoice_lines as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.invoice_lines is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.invoice_lines for select to rowhouse_api
    using (tenant_id = (select registry.require('billing:read')));
comment on policy select_permitted on tenant.invoice_lines is 'Whoever holds billing:read in the tenant that is set.';

create policy all_billing on tenant.invoice_lines to rowhouse_billing
    using (true) with check (true);
comment on policy all_billing on tenant.invoice_lines is 'Functions that draft invoices.';

grant select on tenant.invoice_lines to rowhouse_api;
grant select, insert (tenant_id, invoice_id, position, kind, description, quantity, unit_minor, tax_rate_bp, amount_minor) on tenant.invoice_lines to rowhouse_billing;

create or replace trigger keep_issued before insert or update or delete on tenant.invoice_lines
    for each row execute function registry.keep_issued();
