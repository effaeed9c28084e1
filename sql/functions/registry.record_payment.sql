-- Not a door: an operator has seen money come in for an invoice. The same reference with the same amount is the same payment, and booked once.
--   RH064  the invoice is not open: a draft, paid, void or uncollectible
--   RH065  the amount is more than what is owed, or the reference is that of a payment of another amount
create or replace function registry.record_payment(whose uuid, invoice uuid, amount bigint, called text, at timestamptz, by_whom text) returns uuid
    language plpgsql set search_path = ''
as $$
declare
    document constant tenant.invoices := registry.hold_invoice(whose, invoice);
    known tenant.payments;
begin
    select p.* into known from tenant.payments p where p.tenant_id = whose and p.provider = 'manual' and p.reference = called;
    if found and known.invoice_id is not distinct from invoice and known.amount_minor = amount then
        return known.id;
    end if;
    if document.status <> 'open' then
        raise exception using errcode = 'RH064', message = document.status;
    end if;
    if known.id is not null or amount not between 1 and document.total_minor - document.settled_minor then
        raise exception using errcode = 'RH065',
            message = format('%s %s %s', case when known.id is null then document.total_minor - document.settled_minor else 0 end, amount, document.currency);
    end if;
    return registry.merge_payment(whose, invoice, 'manual', called, document.currency, amount, 0, at, by_whom);
end
$$;
alter function registry.record_payment(uuid, uuid, bigint, text, timestamptz, text) owner to rowhouse_owner;
revoke all on function registry.record_payment(uuid, uuid, bigint, text, timestamptz, text) from public;
grant execute on function registry.record_payment(uuid, uuid, bigint, text, timestamptz, text) to rowhouse_billing;
