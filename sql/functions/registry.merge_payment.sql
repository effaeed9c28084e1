-- Not a door: what is known of a payment by now: how much of it has come in altogether, and how much was given back. What was told before, or
-- tells less than is known, changes nothing, so it does not matter in which order and how often a provider tells it.
-- What comes in settles the invoice as far as it is owed; the rest, and what is paid for one that is owed no more, is the tenant's credit.
-- What is given back is taken from what was left over of the payment, and else credited on the invoice (registry.credit_invoice).
-- Answers the payment.
--   RH066  the payment, or the invoice, is in another currency
create or replace function registry.merge_payment(whose uuid, invoice uuid, by_provider text, called text, of_currency text, received bigint, refunded bigint, at timestamptz, by_whom text, remark text default '') returns uuid
    language plpgsql set search_path = ''
as $$
declare
    known tenant.payments;
    document tenant.invoices;
    balance tenant.balances;
    more bigint;
    applied bigint := 0;
    from_credit bigint := 0;
    creditable bigint := 0;
begin
    balance := registry.hold_balance(whose, of_currency);
    insert into tenant.payments (tenant_id, id, invoice_id, provider, reference, currency)
    values (whose, registry.new_id(), invoice, by_provider, called, of_currency)
    on conflict on constraint payments_reference_key do nothing;
    select p.* into known from tenant.payments p
    where p.tenant_id = whose and p.provider = by_provider and p.reference = called for no key update;
    select i.* into document from tenant.invoices i where i.tenant_id = whose and i.id = known.invoice_id for no key update;
    if known.currency <> of_currency or document.currency <> of_currency then
        raise exception using errcode = 'RH066', message = format('it is in %s and not in %s', coalesce(document.currency, known.currency), of_currency);
    end if;

    more := received - known.amount_minor;
    if more > 0 then
        if document.status = 'open' and document.kind = 'invoice' then
            applied := least(more, document.total_minor - document.settled_minor);
        end if;
        perform registry.book(whose, 'payment', at, known.invoice_id, known.id, by_whom, remark, of_currency,
            array['cash_' || by_provider, 'accounts_receivable', 'customer_credit'], array[more, -applied, applied - more]);
        if applied > 0 then
            update tenant.invoices i
            set settled_minor = i.settled_minor + applied,
                status = case when i.settled_minor + applied = i.total_minor then 'paid' else i.status end,
                settled_at = case when i.settled_minor + applied = i.total_minor then at else i.settled_at end
            where i.tenant_id = whose and i.id = document.id;
        end if;
        update tenant.payments p
        set amount_minor = received, unapplied_minor = p.unapplied_minor + more - applied
        where p.tenant_id = whose and p.id = known.id returning p.* into known;
        if applied > 0 and document.settled_minor + applied = document.total_minor then
            perform registry.note_settled(whose, at);
        end if;
    end if;

    -- More than came in is not given back.
    more := least(refunded, known.amount_minor) - known.refunded_minor;
    if more > 0 then
        select b.* into balance from tenant.balances b where b.tenant_id = whose and b.currency = of_currency;
        from_credit := greatest(0, least(more, known.unapplied_minor, balance.credit_minor));
        select i.* into document from tenant.invoices i where i.tenant_id = whose and i.id = known.invoice_id;
        if document.kind = 'invoice' and document.status in ('open', 'paid') then
            creditable := least(more - from_credit, document.total_minor - document.credited_minor);
            if creditable > 0 then
                perform registry.credit_invoice(whose, document.id, creditable, at, by_whom, remark, true);
            end if;
        end if;
        perform registry.book(whose, 'refund', at, known.invoice_id, known.id, by_whom, remark, of_currency,
            array['customer_credit', 'cash_' || by_provider], array[more, -more]);
        update tenant.payments p
        set refunded_minor = p.refunded_minor + more, unapplied_minor = p.unapplied_minor - from_credit
        where p.tenant_id = whose and p.id = known.id;
    end if;
    return known.id;
end
$$;
alter function registry.merge_payment(uuid, uuid, text, text, text, bigint, bigint, timestamptz, text, text) owner to rowhouse_owner;
revoke all on function registry.merge_payment(uuid, uuid, text, text, text, bigint, bigint, timestamptz, text, text) from public;
grant execute on function registry.merge_payment(uuid, uuid, text, text, text, bigint, bigint, timestamptz, text, text) to rowhouse_billing;
