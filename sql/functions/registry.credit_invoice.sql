-- Not a door: a credit note over a part of an invoice, tax included, or all that is left of it. The amount is divided among the
-- rates of tax as they are on the invoice. What is owed of the invoice becomes less; what was paid becomes the tenant's credit.
--   RH064  the invoice is a draft, void or uncollectible, or is none
--   RH065  the amount is more than what is left of it
create or replace function registry.credit_invoice(whose uuid, invoice uuid, amount bigint, at timestamptz, by_whom text, remark text, to_credit boolean default false) returns uuid
    language plpgsql set search_path = ''
as $$
declare
    document constant tenant.invoices := registry.hold_invoice(whose, invoice);
    rate record;
    lines jsonb := '[]';
    share bigint;
    net bigint;
    rest bigint := amount;
    whole bigint;
    drafted uuid;
begin
    if document.status not in ('open', 'paid') then
        raise exception using errcode = 'RH064', message = document.status;
    end if;
    if amount not between 1 and document.total_minor - document.credited_minor then
        raise exception using errcode = 'RH065',
            message = format('%s %s %s', document.total_minor - document.credited_minor, amount, document.currency);
    end if;
    whole := document.total_minor;
    -- Of each rate so much as of the whole, rounded down; the last has what is left.
    for rate in
        select l.tax_rate_bp as bp, sum(l.amount_minor) as gross, row_number() over (order by l.tax_rate_bp desc) = count(*) over () as last
        from tenant.invoice_lines l where l.tenant_id = whose and l.invoice_id = invoice
        group by l.tax_rate_bp order by l.tax_rate_bp desc
    loop
        share := case when rate.last then rest else div(amount::numeric * rate.gross, whole)::bigint end;
        rest := rest - share;
        net := sign(share) * div(abs(share)::numeric * 10000 + (10000 + rate.bp) / 2, 10000 + rate.bp);
        if share <> 0 then
            lines := lines || jsonb_build_object('kind', 'item', 'description', format('Credit of %s', document.number),
                'amount_minor', net, 'tax_rate_bp', rate.bp, 'tax_minor', share - net);
        end if;
    end loop;
    drafted := registry.draft_invoice(whose, document.subscription_id, 'credit', document.currency, document.period_from, document.period_to,
                                      lines, 'credit_note', invoice, remark);
    perform registry.finalize_invoice(whose, drafted, at, by_whom, to_credit);
    if document.status = 'open' and exists (select from tenant.invoices i where i.tenant_id = whose and i.id = invoice and i.status = 'paid') then
        perform registry.note_settled(whose, at);
    end if;
    return drafted;
end
$$;
alter function registry.credit_invoice(uuid, uuid, bigint, timestamptz, text, text, boolean) owner to rowhouse_owner;
revoke all on function registry.credit_invoice(uuid, uuid, bigint, timestamptz, text, text, boolean) from public;
grant execute on function registry.credit_invoice(uuid, uuid, bigint, timestamptz, text, text, boolean) to rowhouse_billing;
