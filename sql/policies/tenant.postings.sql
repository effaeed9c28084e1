comment on table tenant.postings is
    'Walled. The sides of journal entries, debit above zero and credit below, append-only; at commit each entry adds up to nothing in each currency.';
alter table tenant.postings enable row level security;
alter table tenant.postings force row level security;

create policy wall on tenant.postings as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.postings is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy all_billing on tenant.postings to rowhouse_billing
    using (true) with check (true);
comment on policy all_billing on tenant.postings is 'Functions that book; the grants are to add and to read.';

grant select, insert (tenant_id, entry_id, position, account, currency, amount_minor) on tenant.postings to rowhouse_billing;

create or replace trigger append_only before update or delete on tenant.postings
    for each row execute function registry.append_only();
create or replace trigger append_only_whole before truncate on tenant.postings
    for each statement execute function registry.append_only();
-- At commit: until then an entry is being written.
create constraint trigger keep_balanced after insert or update or delete on tenant.postings
    deferrable initially deferred for each row execute function registry.keep_balanced();
