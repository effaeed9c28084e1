-- Trigger, not a door, of invoices and of their lines: what was issued stays as it is, but for how far it is settled. Status goes from
-- draft to open or void, and from open to paid, void or uncollectible; a draft alone has lines added or goes.
--   RH069  changed after it was issued
create or replace function registry.keep_issued() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    if tg_table_name = 'invoice_lines' then
        if exists (select from tenant.invoices i
                   where i.tenant_id = coalesce(new.tenant_id, old.tenant_id) and i.id = coalesce(new.invoice_id, old.invoice_id) and i.status <> 'draft') then
            raise exception using errcode = 'RH069', message = 'the invoice was issued',
                hint = 'issue a credit note, and another invoice';
        end if;
    elsif tg_op = 'DELETE' then
        if old.status <> 'draft' then
            raise exception using errcode = 'RH069', message = 'the invoice was issued', hint = 'issue a credit note';
        end if;
    elsif old.status <> 'draft' and (
            (new.tenant_id, new.id, new.kind, new.credits_id, new.subscription_id, new.reason, new.currency, new.subtotal_minor, new.tax_minor, new.total_minor,
             new.number, new.period_from, new.period_to, new.seller, new.seller_name, new.seller_address, new.seller_tax_number, new.customer_name, new.note,
             new.issued_at, new.due_at, new.created_at)
            is distinct from
            (old.tenant_id, old.id, old.kind, old.credits_id, old.subscription_id, old.reason, old.currency, old.subtotal_minor, old.tax_minor, old.total_minor,
             old.number, old.period_from, old.period_to, old.seller, old.seller_name, old.seller_address, old.seller_tax_number, old.customer_name, old.note,
             old.issued_at, old.due_at, old.created_at)
            or new.settled_minor < old.settled_minor or new.credited_minor < old.credited_minor
            or new.status <> old.status and old.status <> 'open')
        or new.status <> old.status and old.status = 'draft' and new.status not in ('open', 'void', 'paid') then
        raise exception using errcode = 'RH069', message = 'the invoice was issued', hint = 'issue a credit note, and another invoice';
    end if;
    return case tg_op when 'DELETE' then old else new end;
end
$$;
alter function registry.keep_issued() owner to rowhouse_owner;
revoke all on function registry.keep_issued() from public;
