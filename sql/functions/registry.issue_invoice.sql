-- Not a door: bills a tenant, and answers the invoice; null where there is nothing to bill. Lines are objects:
--   kind          'plan', 'credit' or 'item', which says how it is described unless `description` does
--   amount_minor  of the whole line; `quantity` of them is 1 unless said
--   tax_rate_bp   its rate of tax; the seller's unless said
-- Where they add up to less than nothing a credit note over it is issued instead, and the tenant has it in credit.
create or replace function registry.issue_invoice(whose uuid, subscription uuid, reason text, currency text, period_from timestamptz, period_to timestamptz, lines jsonb, at timestamptz) returns uuid
    language plpgsql set search_path = ''
as $$
declare
    drafted uuid;
    sum bigint;
begin
    select coalesce(sum((l ->> 'amount_minor')::bigint), 0) into sum from jsonb_array_elements(lines) l;
    if sum = 0 and not exists (select from jsonb_array_elements(lines) l where (l ->> 'amount_minor')::bigint <> 0) then
        return null;
    end if;
    if sum < 0 then
        lines := (select jsonb_agg(l || jsonb_build_object('amount_minor', -(l ->> 'amount_minor')::bigint)) from jsonb_array_elements(lines) l);
    end if;
    drafted := registry.draft_invoice(whose, subscription, reason, currency, period_from, period_to, lines,
                                      case when sum < 0 then 'credit_note' else 'invoice' end);
    perform registry.finalize_invoice(whose, drafted, at, 'system');
    return drafted;
end
$$;
alter function registry.issue_invoice(uuid, uuid, text, text, timestamptz, timestamptz, jsonb, timestamptz) owner to rowhouse_owner;
revoke all on function registry.issue_invoice(uuid, uuid, text, text, timestamptz, timestamptz, jsonb, timestamptz) from public;
grant execute on function registry.issue_invoice(uuid, uuid, text, text, timestamptz, timestamptz, jsonb, timestamptz) to rowhouse_billing;
