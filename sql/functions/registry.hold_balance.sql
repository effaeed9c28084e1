-- Not a door: locks what a tenant owes and has in credit in a currency until the transaction ends, so that its bookings are in turn,
-- and answers it. The subscription is locked before, since what is booked may become something of it; invoices, payments and numbers after.
create or replace function registry.hold_balance(whose uuid, of_currency text) returns tenant.balances
    language plpgsql set search_path = ''
as $$
declare
    balance tenant.balances;
begin
    perform from tenant.subscriptions s where s.tenant_id = whose and s.state <> 'canceled' for no key update;
    insert into tenant.balances (tenant_id, currency) values (whose, of_currency) on conflict do nothing;
    select b.* into balance from tenant.balances b where b.tenant_id = whose and b.currency = of_currency for no key update;
    return balance;
end
$$;
alter function registry.hold_balance(uuid, text) owner to rowhouse_owner;
revoke all on function registry.hold_balance(uuid, text) from public;
grant execute on function registry.hold_balance(uuid, text) to rowhouse_billing;
