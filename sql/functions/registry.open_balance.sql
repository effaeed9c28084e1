-- Not a door: what a tenant owes (above zero) or has in credit (below), by currency; no row where it is nothing.
create or replace function registry.open_balance(whose uuid) returns table (currency text, amount_minor bigint)
    language sql stable set search_path = ''
as $$
    select b.currency, b.receivable_minor - b.credit_minor from tenant.balances b
    where b.tenant_id = whose and b.receivable_minor <> b.credit_minor
$$;
alter function registry.open_balance(uuid) owner to rowhouse_owner;
revoke all on function registry.open_balance(uuid) from public;
grant execute on function registry.open_balance(uuid) to rowhouse_billing;
