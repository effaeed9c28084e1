-- Not a door: locks an invoice until the transaction ends, after what stands before it in the order of locks (registry.hold_balance), and answers it.
--   RH064  there is none, or it is a credit note
create or replace function registry.hold_invoice(whose uuid, invoice uuid) returns tenant.invoices
    language plpgsql set search_path = ''
as $$
declare
    document tenant.invoices;
begin
    select i.* into document from tenant.invoices i where i.tenant_id = whose and i.id = invoice;
    if not found or document.kind <> 'invoice' then
        raise exception using errcode = 'RH064', message = 'missing';
    end if;
    perform registry.hold_balance(whose, document.currency);
    select i.* into document from tenant.invoices i where i.tenant_id = whose and i.id = invoice for no key update;
    return document;
end
$$;
alter function registry.hold_invoice(uuid, uuid) owner to rowhouse_owner;
revoke all on function registry.hold_invoice(uuid, uuid) from public;
grant execute on function registry.hold_invoice(uuid, uuid) to rowhouse_billing;
