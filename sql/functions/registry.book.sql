-- Not a door: one journal entry, in one currency; debit above zero, credit below. Amounts of zero are left out, and an entry of nothing
-- else is none. The tenant's balance follows. Whoever calls it holds that (registry.hold_balance).
create or replace function registry.book(whose uuid, entry_kind text, at timestamptz, invoice uuid, payment uuid, by_whom text, remark text, of_currency text, accounts text[], amounts bigint[]) returns void
    language plpgsql set search_path = ''
as $$
declare
    entry constant uuid := registry.new_id();
begin
    if not exists (select from unnest(amounts) a where a <> 0) then
        return;
    end if;
    insert into tenant.journal_entries (tenant_id, id, kind, booked_at, invoice_id, payment_id, made_by, note)
    values (whose, entry, entry_kind, at, invoice, payment, by_whom, remark);
    insert into tenant.postings (tenant_id, entry_id, position, account, currency, amount_minor)
    select whose, entry, row_number() over (order by u.n), u.account, of_currency, u.amount
    from unnest(accounts, amounts) with ordinality u (account, amount, n) where u.amount <> 0;
    update tenant.balances b
    set receivable_minor = b.receivable_minor + coalesce((select sum(u.amount) from unnest(accounts, amounts) u (account, amount) where u.account = 'accounts_receivable'), 0),
        credit_minor = b.credit_minor - coalesce((select sum(u.amount) from unnest(accounts, amounts) u (account, amount) where u.account = 'customer_credit'), 0)
    where b.tenant_id = whose and b.currency = of_currency;
end
$$;
alter function registry.book(uuid, text, timestamptz, uuid, uuid, text, text, text, text[], bigint[]) owner to rowhouse_owner;
revoke all on function registry.book(uuid, text, timestamptz, uuid, uuid, text, text, text, text[], bigint[]) from public;
grant execute on function registry.book(uuid, text, timestamptz, uuid, uuid, text, text, text, text[], bigint[]) to rowhouse_billing;
