comment on table tenant.payments is
    'Walled. Money that came in, and how much of it was given back: as far as a provider or an operator has told, which only grows.';
alter table tenant.payments enable row level security;
alter table tenant.payments force row level security;

create policy wall on tenant.payments as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.payments is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.payments for select to rowhouse_api
    using (tenant_id = (select registry.require('billing:read')));
comment on policy select_permitted on tenant.payments is 'Whoever holds billing:read in the tenant that is set.';

create policy all_billing on tenant.payments to rowhouse_billing
    using (true) with check (true);
comment on policy all_billing on tenant.payments is 'Functions that book what was paid and given back.';

grant select on tenant.payments to rowhouse_api;
grant select, insert (tenant_id, id, invoice_id, provider, reference, currency), update (amount_minor, unapplied_minor, refunded_minor)
    on tenant.payments to rowhouse_billing;

create or replace trigger keep_version before update on tenant.payments
    for each row execute function registry.keep_version();
-- What came in and went back is written down, and nothing told: the invoice tells it.
create or replace trigger note_new after insert on tenant.payments
    referencing new table as after for each statement execute function registry.note_changes('', '', '');
create or replace trigger note_changed after update on tenant.payments
    referencing old table as before new table as after for each statement execute function registry.note_changes('', '', '');
create or replace trigger note_gone after delete on tenant.payments
    referencing old table as before for each statement execute function registry.note_changes('', '', '');
