-- Not a door: an invoice that should not have been issued, of which nothing was paid. It keeps its number, and its entry is booked
-- the other way round. A draft is thrown away.
--   RH064  paid, void or uncollectible
--   RH068  something of it was paid, or credited: it takes a credit note
create or replace function registry.void_invoice(whose uuid, invoice uuid, at timestamptz, by_whom text, remark text) returns void
    language plpgsql set search_path = ''
as $$
declare
    document constant tenant.invoices := registry.hold_invoice(whose, invoice);
begin
    if document.status not in ('draft', 'open') then
        raise exception using errcode = 'RH064', message = document.status;
    end if;
    if document.settled_minor > 0 or document.credited_minor > 0 then
        raise exception using errcode = 'RH068', message = 'settled in part';
    end if;
    if document.status = 'open' then
        perform registry.book(whose, 'void', at, invoice, null, by_whom, remark, document.currency,
            array['accounts_receivable', 'sales_revenue', 'tax_payable'],
            array[-document.total_minor, document.subtotal_minor, document.tax_minor]);
    end if;
    update tenant.invoices i set status = 'void', settled_at = at where i.tenant_id = whose and i.id = invoice;
    if document.status = 'open' then
        perform registry.note_settled(whose, at);
    end if;
end
$$;
alter function registry.void_invoice(uuid, uuid, timestamptz, text, text) owner to rowhouse_owner;
revoke all on function registry.void_invoice(uuid, uuid, timestamptz, text, text) from public;
grant execute on function registry.void_invoice(uuid, uuid, timestamptz, text, text) to rowhouse_billing;
