-- Not a door: an invoice, or a credit note, that is not issued yet. Lines as registry.issue_invoice takes them. Tax is worked out
-- once a rate, on the sum of the lines that have it, and rounded half away from zero, unless lines say how much tax is on them
-- (`tax_minor`: those of credit notes, which divide an amount that has it in it).
--   22023  a line without an amount, or with one that is too large to reckon with; no line at all
create or replace function registry.draft_invoice(whose uuid, subscription uuid, because text, of_currency text, from_when timestamptz, to_when timestamptz, lines jsonb,
        document text default 'invoice', credited uuid default null, remark text default '') returns uuid
    language plpgsql set search_path = ''
as $$
declare
    drafted constant uuid := registry.new_id();
    from_seller registry.sellers;
    rate record;
    last smallint;
    untaxed bigint;
begin
    select s.* into strict from_seller from registry.sellers s where s.is_default;
    if jsonb_typeof(lines) is distinct from 'array' or jsonb_array_length(lines) not between 1 and 200
       or exists (select from jsonb_array_elements(lines) l
                  where coalesce(abs((l ->> 'amount_minor')::numeric), 1e13) > 1e12 or coalesce((l ->> 'quantity')::numeric, 1) not between 1 and 1e6) then
        raise exception using errcode = '22023',
            message = 'each of 1 to 200 lines has a quantity of a million at most, and an amount of a million million minor units';
    end if;
    select sum((l ->> 'amount_minor')::bigint) into untaxed from jsonb_array_elements(lines) l;
    insert into tenant.invoices (tenant_id, id, kind, credits_id, subscription_id, reason, currency, subtotal_minor, total_minor, period_from, period_to, seller, note)
    values (whose, drafted, document, credited, subscription, because, of_currency, 0, 0, from_when, to_when, from_seller.code, remark);
    insert into tenant.invoice_lines (tenant_id, invoice_id, position, kind, description, quantity, unit_minor, tax_rate_bp, amount_minor)
    select whose, drafted, l.n, 'item',
           coalesce(l.line ->> 'description', case l.line ->> 'kind'
               when 'plan' then format('Plan %s, by the %s', l.line ->> 'plan', l.line ->> 'period')
               when 'credit' then format('Rest of plan %s', l.line ->> 'plan')
               else 'Item' end),
           case when l.amount % l.quantity = 0 then l.quantity else 1 end,
           case when l.amount % l.quantity = 0 then l.amount / l.quantity else l.amount end,
           l.rate, l.amount
    from (select n, line, (line ->> 'amount_minor')::bigint as amount, coalesce((line ->> 'quantity')::bigint, 1) as quantity,
                 coalesce((line ->> 'tax_rate_bp')::integer, from_seller.tax_rate_bp) as rate
          from jsonb_array_elements(lines) with ordinality e (line, n)) l;
    last := jsonb_array_length(lines);
    for rate in
        select l.rate as bp, sum(l.amount) as base,
               coalesce(sum(l.tax), sign(sum(l.amount)) * div(abs(sum(l.amount)) * l.rate + 5000, 10000))::bigint as tax
        from (select (line ->> 'amount_minor')::bigint as amount, (line ->> 'tax_minor')::bigint as tax,
                     coalesce((line ->> 'tax_rate_bp')::integer, from_seller.tax_rate_bp) as rate
              from jsonb_array_elements(lines) e (line)) l
        where l.rate > 0 group by l.rate order by l.rate desc
    loop
        last := last + 1;
        insert into tenant.invoice_lines (tenant_id, invoice_id, position, kind, description, unit_minor, tax_rate_bp, amount_minor)
        values (whose, drafted, last, 'tax', format('Tax %s %%', trim_scale(rate.bp / 100.0)), rate.base, rate.bp, rate.tax);
    end loop;
    update tenant.invoices i
    set subtotal_minor = s.items, tax_minor = s.taxes, total_minor = s.items + s.taxes
    from (select coalesce(sum(l.amount_minor) filter (where l.kind = 'item'), 0)::bigint as items,
                 coalesce(sum(l.amount_minor) filter (where l.kind = 'tax'), 0)::bigint as taxes
          from tenant.invoice_lines l where l.tenant_id = whose and l.invoice_id = drafted) s
    where i.tenant_id = whose and i.id = drafted;
    return drafted;
end
$$;
alter function registry.draft_invoice(uuid, uuid, text, text, timestamptz, timestamptz, jsonb, text, uuid, text) owner to rowhouse_owner;
revoke all on function registry.draft_invoice(uuid, uuid, text, text, timestamptz, timestamptz, jsonb, text, uuid, text) from public;
grant execute on function registry.draft_invoice(uuid, uuid, text, text, timestamptz, timestamptz, jsonb, text, uuid, text) to rowhouse_billing;
