-- Not a door, only doors of rowhouse_billing may call it: a tenant whose subscription has ended is on a plan again, from now on, without a trial. The caller holds the
-- row of the one that has ended, and has found that the plan has such a price. Its version goes on from that one's: an ETag is never given twice.
create or replace function registry.subscribe_again(whose uuid, wanted text, wanted_version smallint, wanted_period text, wanted_currency text)
    returns table (currency text, lines jsonb)
    language plpgsql set search_path = ''
as $$
#variable_conflict use_column
declare
    price constant bigint := (select r.amount_minor from registry.plan_prices r
                              where r.code = wanted and r.version = wanted_version and r.period = wanted_period and r.currency = wanted_currency);
    until constant timestamptz := case when price > 0 then registry.period_end(now(), wanted_period, now()) end;
    due jsonb := '[]';
    begun constant uuid := registry.new_id();
begin
    insert into tenant.subscriptions (tenant_id, id, plan, plan_version, period, currency, amount_minor, state, anchor_at, period_starts_at, period_ends_at, due_at, version)
    select whose, begun, wanted, wanted_version, wanted_period, wanted_currency, price, 'active', now(), now(), until, until,
           (select max(x.version) + 1 from tenant.subscriptions x where x.tenant_id = whose);
    update registry.tenants t set status = 'active' where t.id = whose and t.status in ('trial', 'active', 'read_only', 'unpaid');
    if price > 0 then
        due := jsonb_build_array(jsonb_build_object('kind', 'plan', 'plan', wanted, 'plan_version', wanted_version, 'period', wanted_period,
                                                    'quantity', 1, 'amount_minor', price));
    end if;
    if due <> '[]' then
        perform registry.issue_invoice(whose, begun, 'period', wanted_currency, now(), until, due, now());
    end if;
    return query select wanted_currency, due;
end
$$;
alter function registry.subscribe_again(uuid, text, smallint, text, text) owner to rowhouse_billing;
revoke all on function registry.subscribe_again(uuid, text, smallint, text, text) from public;
