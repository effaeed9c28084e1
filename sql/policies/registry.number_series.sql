comment on table registry.number_series is
    'The number that each series of invoices and credit notes goes on with; its row is locked by whoever issues, so numbers have no gaps.';
alter table registry.number_series enable row level security;
alter table registry.number_series force row level security;

create policy all_billing on registry.number_series to rowhouse_billing
    using (true) with check (true);
comment on policy all_billing on registry.number_series is 'registry.finalize_invoice takes the next number; one series for every tenant of a seller.';

grant select, update (next) on registry.number_series to rowhouse_billing;
