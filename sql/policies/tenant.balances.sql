comment on table tenant.balances is
    'Walled. What a tenant owes and has in credit, by currency: the sums of its postings on those two accounts, and the row whose lock puts a tenant''s bookings in turn.';
alter table tenant.balances enable row level security;
alter table tenant.balances force row level security;

create policy wall on tenant.balances as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.balances is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy all_billing on tenant.balances to rowhouse_billing
    using (true) with check (true);
comment on policy all_billing on tenant.balances is 'Functions that book keep it with the postings.';

grant select, insert (tenant_id, currency), update (receivable_minor, credit_minor) on tenant.balances to rowhouse_billing;
