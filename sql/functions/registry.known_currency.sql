-- Trigger, not a door: a currency is one of ISO 4217 that people pay in, or did; no metal, and no code for tests. The server
-- looks in its own list first (src/currency.rs, and a test keeps the two equal); this one refuses whoever else writes. What
-- was written before there was a list stays as it is until somebody writes another.
create or replace function registry.known_currency() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    if tg_op = 'UPDATE' then
        if new.currency = old.currency then
            return new;
        end if;
    end if;
    if new.currency <> all (registry.currencies()) then
        raise exception using
            errcode = 'check_violation', constraint = tg_table_name || '_currency_check',
            schema = tg_table_schema, table = tg_table_name, message = 'unknown currency';
    end if;
    return new;
end
$$;
alter function registry.known_currency() owner to rowhouse_owner;
revoke all on function registry.known_currency() from public;
