-- Not a door: an operator has given money back, of a payment that an operator recorded. What a provider took it gives back itself, and tells.
--   RH064  there is no such payment, or a provider has it
--   RH065  the amount is more than what is left of the payment
create or replace function registry.record_refund(whose uuid, payment uuid, amount bigint, at timestamptz, by_whom text, remark text) returns void
    language plpgsql set search_path = ''
as $$
declare
    known tenant.payments;
begin
    select p.* into known from tenant.payments p where p.tenant_id = whose and p.id = payment;
    if not found or known.provider <> 'manual' then
        raise exception using errcode = 'RH064', message = coalesce(known.provider, 'missing');
    end if;
    perform registry.hold_balance(whose, known.currency);
    select p.* into known from tenant.payments p where p.tenant_id = whose and p.id = payment for no key update;
    if amount not between 1 and known.amount_minor - known.refunded_minor then
        raise exception using errcode = 'RH065', message = format('%s %s %s', known.amount_minor - known.refunded_minor, amount, known.currency);
    end if;
    perform registry.merge_payment(whose, known.invoice_id, 'manual', known.reference, known.currency, known.amount_minor,
                                   known.refunded_minor + amount, at, by_whom, remark);
end
$$;
alter function registry.record_refund(uuid, uuid, bigint, timestamptz, text, text) owner to rowhouse_owner;
revoke all on function registry.record_refund(uuid, uuid, bigint, timestamptz, text, text) from public;
grant execute on function registry.record_refund(uuid, uuid, bigint, timestamptz, text, text) to rowhouse_billing;
