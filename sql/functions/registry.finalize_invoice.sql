-- Not a door: issues a draft. It gets the seller's and the customer's name as they are now, the next number of its series, and its
-- entry in the ledger. What the tenant has in credit is taken off an invoice at once; a credit note first takes off what is
-- still owed of the invoice it is for, unless `to_credit` says that all of it is to be given back. The number is taken last of all: its series is locked until the
-- transaction ends, and one that does not end well has taken none.
--   RH064  no draft
create or replace function registry.finalize_invoice(whose uuid, invoice uuid, at timestamptz, by_whom text, to_credit boolean default false) returns void
    language plpgsql set search_path = ''
as $$
declare
    document tenant.invoices;
    from_seller registry.sellers;
    balance tenant.balances;
    series registry.number_series;
    credited tenant.invoices;
    applied bigint := 0;
begin
    select i.* into document from tenant.invoices i where i.tenant_id = whose and i.id = invoice;
    balance := registry.hold_balance(whose, document.currency);
    select i.* into document from tenant.invoices i where i.tenant_id = whose and i.id = invoice for no key update;
    if document.status is distinct from 'draft' then
        raise exception using errcode = 'RH064', message = coalesce(document.status, 'missing');
    end if;
    select s.* into strict from_seller from registry.sellers s where s.code = document.seller;

    if document.kind = 'invoice' then
        perform registry.book(whose, 'invoice', at, invoice, null, by_whom, '', document.currency,
            array['accounts_receivable', 'sales_revenue', 'tax_payable'],
            array[document.total_minor, -document.subtotal_minor, -document.tax_minor]);
        applied := greatest(0, least(document.total_minor, balance.credit_minor));
        perform registry.book(whose, 'credit_applied', at, invoice, null, by_whom, '', document.currency,
            array['customer_credit', 'accounts_receivable'], array[applied, -applied]);
    else
        if document.credits_id is not null and not to_credit then
            select i.* into credited from tenant.invoices i where i.tenant_id = whose and i.id = document.credits_id for no key update;
            if credited.status = 'open' then
                applied := least(document.total_minor, credited.total_minor - credited.settled_minor);
            end if;
        end if;
        perform registry.book(whose, 'credit_note', at, invoice, null, by_whom, '', document.currency,
            array['sales_returns', 'tax_payable', 'accounts_receivable', 'customer_credit'],
            array[document.subtotal_minor, document.tax_minor, -applied, applied - document.total_minor]);
        update tenant.invoices i
        set credited_minor = i.credited_minor + document.total_minor,
            settled_minor = i.settled_minor + applied,
            status = case when i.status = 'open' and i.settled_minor + applied = i.total_minor then 'paid' else i.status end,
            settled_at = case when i.status = 'open' and i.settled_minor + applied = i.total_minor then at else i.settled_at end
        where i.tenant_id = whose and i.id = document.credits_id;
        applied := document.total_minor;
    end if;

    select s.* into strict series from registry.number_series s
    where s.seller = document.seller and s.kind = document.kind for no key update;
    update registry.number_series s set next = s.next + 1 where s.seller = document.seller and s.kind = document.kind;
    insert into registry.document_numbers (seller, kind, number, tenant_id, invoice_id)
    values (document.seller, document.kind, series.next, whose, invoice);
    update tenant.invoices i
    set status = case when applied = i.total_minor then 'paid' else 'open' end,
        settled_at = case when applied = i.total_minor then at end,
        settled_minor = applied,
        number = series.prefix || lpad(series.next::text, greatest(6, length(series.next::text)), '0'),
        seller_name = from_seller.name, seller_address = from_seller.address, seller_tax_number = from_seller.tax_number,
        customer_name = left((select t.name from registry.tenants t where t.id = whose), 200),
        issued_at = at, due_at = at + make_interval(days => from_seller.days_to_pay)
    where i.tenant_id = whose and i.id = invoice;
end
$$;
alter function registry.finalize_invoice(uuid, uuid, timestamptz, text, boolean) owner to rowhouse_owner;
revoke all on function registry.finalize_invoice(uuid, uuid, timestamptz, text, boolean) from public;
grant execute on function registry.finalize_invoice(uuid, uuid, timestamptz, text, boolean) to rowhouse_billing;
