-- Not a door: nobody expects an invoice to be paid any more. What is owed of it is a loss.
--   RH064  not open
create or replace function registry.write_off_invoice(whose uuid, invoice uuid, at timestamptz, by_whom text, remark text) returns void
    language plpgsql set search_path = ''
as $$
declare
    document constant tenant.invoices := registry.hold_invoice(whose, invoice);
begin
    if document.status <> 'open' then
        raise exception using errcode = 'RH064', message = document.status;
    end if;
    perform registry.book(whose, 'write_off', at, invoice, null, by_whom, remark, document.currency,
        array['bad_debt', 'accounts_receivable'],
        array[document.total_minor - document.settled_minor, document.settled_minor - document.total_minor]);
    update tenant.invoices i set status = 'uncollectible', settled_at = at where i.tenant_id = whose and i.id = invoice;
end
$$;
alter function registry.write_off_invoice(uuid, uuid, timestamptz, text, text) owner to rowhouse_owner;
revoke all on function registry.write_off_invoice(uuid, uuid, timestamptz, text, text) from public;
grant execute on function registry.write_off_invoice(uuid, uuid, timestamptz, text, text) to rowhouse_billing;
