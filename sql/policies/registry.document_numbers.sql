comment on table registry.document_numbers is
    'Which number was given to which invoice or credit note: none twice among all tenants, none left out, none ever taken back.';
alter table registry.document_numbers enable row level security;
alter table registry.document_numbers force row level security;

create policy wall on registry.document_numbers as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on registry.document_numbers is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy all_billing on registry.document_numbers to rowhouse_billing
    using (true) with check (true);
comment on policy all_billing on registry.document_numbers is 'registry.finalize_invoice writes down which number it gave.';

grant select, insert (seller, kind, number, tenant_id, invoice_id) on registry.document_numbers to rowhouse_billing;

create or replace trigger append_only before update or delete on registry.document_numbers
    for each row execute function registry.append_only();
create or replace trigger append_only_whole before truncate on registry.document_numbers
    for each statement execute function registry.append_only();
