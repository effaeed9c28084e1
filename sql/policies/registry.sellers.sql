comment on table registry.sellers is 'Whose name stands on invoices; operators write it (rowhouse invoice seller).';
alter table registry.sellers enable row level security;
alter table registry.sellers force row level security;

create policy select_billing on registry.sellers for select to rowhouse_billing
    using (true);
comment on policy select_billing on registry.sellers is 'Functions that issue: name, address and rate of tax are the same for every tenant.';

grant select on registry.sellers to rowhouse_billing;
