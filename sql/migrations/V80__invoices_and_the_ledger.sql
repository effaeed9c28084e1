-- Who sells, invoices with gap-free numbers, what was paid and given back, and the ledger that says where each amount is
-- (docs/adr/0039, docs/payments.md). All amounts are in minor units of the currency that stands beside them.

-- Whose name stands on invoices, and what numbers them.
create table registry.sellers (
    code           text     collate "C" not null constraint sellers_code_check check (code ~ '^[a-z][a-z0-9_-]{0,39}$'),
    name           text     not null constraint sellers_name_check check (char_length(name) between 1 and 200),
    address        text     not null default '' constraint sellers_address_check check (char_length(address) <= 1000),
    tax_number     text     not null default '' constraint sellers_tax_number_check check (char_length(tax_number) <= 50),
    -- Of lines that say no other; in basis points (1900 is 19 %).
    tax_rate_bp    integer  not null default 0 constraint sellers_tax_rate_check check (tax_rate_bp between 0 and 10000),
    days_to_pay    smallint not null default 14 constraint sellers_days_to_pay_check check (days_to_pay between 0 and 365),
    is_default     boolean  not null default false,
    constraint sellers_pkey primary key (code)
);
create unique index sellers_default_key on registry.sellers (is_default) where is_default;

-- The number that each series of a seller goes on with. Its row is locked by whoever issues, until the transaction ends.
create table registry.number_series (
    seller  text   collate "C" not null constraint number_series_seller_fkey references registry.sellers (code),
    kind    text   collate "C" not null constraint number_series_kind_check check (kind in ('invoice', 'credit_note')),
    prefix  text   collate "C" not null constraint number_series_prefix_check check (prefix ~ '^[A-Z0-9/-]{0,20}$'),
    next    bigint not null default 1 constraint number_series_next_check check (next > 0),
    constraint number_series_pkey primary key (seller, kind)
);

-- Which numbers were given out, and to what: none twice, among all tenants, and none left out.
create table registry.document_numbers (
    seller     text        collate "C" not null constraint document_numbers_seller_check check (seller ~ '^[a-z][a-z0-9_-]{0,39}$'),
    kind       text        collate "C" not null constraint document_numbers_kind_check check (kind in ('invoice', 'credit_note')),
    number     bigint      not null constraint document_numbers_number_check check (number > 0),
    tenant_id  uuid        not null constraint document_numbers_tenant_fkey references registry.tenants (id),
    invoice_id uuid        not null,
    issued_at  timestamptz not null default now(),
    constraint document_numbers_pkey primary key (seller, kind, number),
    constraint document_numbers_invoice_key unique (tenant_id, invoice_id)
);

create table tenant.invoices (
    tenant_id       uuid        not null constraint invoices_tenant_fkey references registry.tenants (id),
    id              uuid        not null,
    kind            text        collate "C" not null default 'invoice' constraint invoices_kind_check check (kind in ('invoice', 'credit_note')),
    status          text        collate "C" not null default 'draft'
                    constraint invoices_status_check check (status in ('draft', 'open', 'paid', 'void', 'uncollectible')),
    -- As it is printed: the prefix of the seller's series, and the number.
    number          text        collate "C" constraint invoices_number_check check (octet_length(number) <= 60),
    -- Of a credit note, the invoice that it takes back in part or as a whole.
    credits_id      uuid,
    subscription_id uuid,
    reason          text        collate "C" not null default 'manual' constraint invoices_reason_check check (reason ~ '^[a-z_]{1,40}$'),
    currency        text        collate "C" not null constraint invoices_currency_check check (currency ~ '^[A-Z]{3}$'),
    subtotal_minor  bigint      not null default 0,
    tax_minor       bigint      not null default 0,
    total_minor     bigint      not null default 0,
    -- What of the total is owed no more: paid, taken from a credit balance, credited or written off.
    settled_minor   bigint      not null default 0,
    -- What credit notes have taken back of it.
    credited_minor  bigint      not null default 0,
    period_from     timestamptz,
    period_to       timestamptz,
    -- Seller and customer as they were when it was issued.
    seller          text        collate "C" not null,
    seller_name     text        not null default '' constraint invoices_seller_name_check check (char_length(seller_name) <= 200),
    seller_address  text        not null default '' constraint invoices_seller_address_check check (char_length(seller_address) <= 1000),
    seller_tax_number text      not null default '' constraint invoices_seller_tax_number_check check (char_length(seller_tax_number) <= 50),
    customer_name   text        not null default '' constraint invoices_customer_name_check check (char_length(customer_name) <= 200),
    note            text        not null default '' constraint invoices_note_check check (char_length(note) <= 500),
    issued_at       timestamptz,
    due_at          timestamptz,
    settled_at      timestamptz,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    version         bigint      not null default 1,
    constraint invoices_pkey primary key (tenant_id, id),
    constraint invoices_credits_fkey foreign key (tenant_id, credits_id) references tenant.invoices (tenant_id, id),
    constraint invoices_total_check check (total_minor = subtotal_minor + tax_minor),
    constraint invoices_settled_check check (settled_minor between 0 and total_minor and credited_minor between 0 and total_minor),
    -- What was issued has a number and a date, what was not has neither; a draft that is thrown away never had one.
    constraint invoices_issued_check check (
        (number is null) = (issued_at is null) and (status in ('draft', 'void') or number is not null) and (status <> 'draft' or number is null)),
    constraint invoices_paid_check check (status <> 'paid' or settled_minor = total_minor)
);
create index invoices_credits_idx on tenant.invoices (tenant_id, credits_id) where credits_id is not null;
create index invoices_open_idx on tenant.invoices (tenant_id, due_at, id) where status = 'open';

create table tenant.invoice_lines (
    tenant_id     uuid     not null,
    invoice_id    uuid     not null,
    position      smallint not null constraint invoice_lines_position_check check (position > 0),
    kind          text     collate "C" not null constraint invoice_lines_kind_check check (kind in ('item', 'tax')),
    description   text     not null constraint invoice_lines_description_check check (char_length(description) between 1 and 500),
    quantity      bigint   not null default 1 constraint invoice_lines_quantity_check check (quantity > 0),
    -- Of a tax, the sum that it is on.
    unit_minor    bigint   not null default 0,
    -- Of an item, the rate at which it is taxed; of a tax, its rate. In basis points.
    tax_rate_bp   integer  not null default 0 constraint invoice_lines_tax_rate_check check (tax_rate_bp between 0 and 10000),
    amount_minor  bigint   not null default 0,
    constraint invoice_lines_pkey primary key (tenant_id, invoice_id, position),
    constraint invoice_lines_invoice_fkey foreign key (tenant_id, invoice_id) references tenant.invoices (tenant_id, id),
    -- Tax is within one minor unit of sum times rate: rounded half away from zero on invoices; a credit note divides an amount that has it in it.
    constraint invoice_lines_amount_check check (
        case kind when 'item' then amount_minor = quantity * unit_minor
                  else abs(amount_minor * 10000 - unit_minor * tax_rate_bp) <= 10000 end)
);

-- Money that came in.
create table tenant.payments (
    tenant_id      uuid        not null constraint payments_tenant_fkey references registry.tenants (id),
    id             uuid        not null,
    invoice_id     uuid,
    provider       text        collate "C" not null constraint payments_provider_check check (provider in ('manual', 'stripe')),
    -- What the provider calls it, or what stands on the bank's statement.
    reference      text        collate "C" not null constraint payments_reference_check check (octet_length(reference) between 1 and 200),
    currency       text        collate "C" not null constraint payments_currency_check check (currency ~ '^[A-Z]{3}$'),
    amount_minor   bigint      not null default 0,
    -- What of it went to no invoice and stands in the tenant's credit.
    unapplied_minor bigint     not null default 0,
    refunded_minor bigint      not null default 0,
    created_at     timestamptz not null default now(),
    updated_at     timestamptz not null default now(),
    version        bigint      not null default 1,
    constraint payments_pkey primary key (tenant_id, id),
    constraint payments_invoice_fkey foreign key (tenant_id, invoice_id) references tenant.invoices (tenant_id, id),
    constraint payments_reference_key unique (tenant_id, provider, reference),
    constraint payments_amount_check check (amount_minor >= 0 and refunded_minor between 0 and amount_minor and unapplied_minor between 0 and amount_minor)
);
create index payments_invoice_idx on tenant.payments (tenant_id, invoice_id, id) where invoice_id is not null;

-- What happened, once for each time: its postings add up to nothing in each currency. Nothing of it is ever changed.
create table tenant.journal_entries (
    tenant_id  uuid        not null constraint journal_entries_tenant_fkey references registry.tenants (id),
    id         uuid        not null,
    kind       text        collate "C" not null constraint journal_entries_kind_check check (kind in (
               'invoice', 'credit_note', 'credit_applied', 'payment', 'refund', 'void', 'write_off')),
    -- When it happened, which may be before it was written down.
    booked_at  timestamptz not null,
    invoice_id uuid,
    payment_id uuid,
    -- Whose doing it was: the system, an operator by name, a provider.
    made_by    text        not null constraint journal_entries_made_by_check check (char_length(made_by) between 1 and 200),
    note       text        not null default '' constraint journal_entries_note_check check (char_length(note) <= 500),
    created_at timestamptz not null default now(),
    constraint journal_entries_pkey primary key (tenant_id, id),
    constraint journal_entries_invoice_fkey foreign key (tenant_id, invoice_id) references tenant.invoices (tenant_id, id),
    constraint journal_entries_payment_fkey foreign key (tenant_id, payment_id) references tenant.payments (tenant_id, id)
);
create index journal_entries_invoice_idx on tenant.journal_entries (tenant_id, invoice_id) where invoice_id is not null;
create index journal_entries_payment_idx on tenant.journal_entries (tenant_id, payment_id) where payment_id is not null;

-- Debit above zero, credit below.
create table tenant.postings (
    tenant_id    uuid     not null,
    entry_id     uuid     not null,
    position     smallint not null constraint postings_position_check check (position > 0),
    account      text     collate "C" not null constraint postings_account_check check (account in (
                 'accounts_receivable', 'customer_credit', 'cash_manual', 'cash_stripe', 'sales_revenue', 'sales_returns', 'tax_payable', 'bad_debt')),
    currency     text     collate "C" not null constraint postings_currency_check check (currency ~ '^[A-Z]{3}$'),
    amount_minor bigint   not null default 0,
    constraint postings_pkey primary key (tenant_id, entry_id, position),
    constraint postings_entry_fkey foreign key (tenant_id, entry_id) references tenant.journal_entries (tenant_id, id)
);
create index postings_account_idx on tenant.postings (tenant_id, account, currency) include (amount_minor);

-- The sums of postings by tenant and currency, for two accounts. Whoever books locks the row first.
create table tenant.balances (
    tenant_id        uuid   not null constraint balances_tenant_fkey references registry.tenants (id),
    currency         text   collate "C" not null constraint balances_currency_check check (currency ~ '^[A-Z]{3}$'),
    -- What the tenant owes for what was issued.
    receivable_minor bigint not null default 0,
    -- What the tenant has in credit; below zero, what it was given back too much.
    credit_minor     bigint not null default 0,
    constraint balances_pkey primary key (tenant_id, currency)
);

-- Whose names and addresses there are is nobody's to guess from statistics.
alter table registry.sellers alter column address set statistics 0;
alter table tenant.invoices alter column seller_address set statistics 0, alter column customer_name set statistics 0;

set local role rowhouse_migrator;
insert into registry.sellers (code, name, is_default) values ('house', 'Rowhouse', true);
insert into registry.number_series (seller, kind, prefix) values ('house', 'invoice', 'INV-'), ('house', 'credit_note', 'CN-');
set local role rowhouse_owner;
