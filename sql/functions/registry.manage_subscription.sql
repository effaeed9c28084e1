-- Door: what people want of their tenant's subscription (plan_changed, cancel_at_period_end, canceled_now, resumed), for whoever holds billing:manage in the tenant that is set. Answers
-- what there is to pay for it, in which currency; no row where the subscription is not at one of the versions that are named, which counts what its ETag counts.
-- Why a door: nobody who serves may say what a tenant is on, nor what that costs.
--   RH001, RH002, RH003, RH004, RH006, RH007, RH061  as registry.require
--   RH056  not in this state, which the message names    RH057  another currency, while something is paid for or owed in the one before
create or replace function registry.manage_subscription(event text, wanted jsonb, versions bigint[])
    returns table (currency text, lines jsonb)
    language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
    here constant uuid := registry.require('billing:manage');
    s tenant.subscriptions;
    last_version bigint := 0;
    chosen record;
    facts jsonb := '{}';
    now_is record;
begin
    if event not in ('plan_changed', 'cancel_at_period_end', 'canceled_now', 'resumed') then
        raise exception using errcode = '22023', message = format('nobody says %s', event);
    end if;
    -- One after another: of two who change it at once, the second is told that it has changed.
    select x.* into s from tenant.subscriptions x where x.tenant_id = here order by x.state = 'canceled', x.id desc limit 1 for no key update;
    if versions is not null
        and s.version + (select e.version from tenant.entitlements e where e.tenant_id = here) <> all (versions) then
        return;
    elsif s.id is null then
        raise exception using errcode = 'RH056', message = 'none';
    end if;
    if event = 'plan_changed' then
        select p.code, p.version, r.period, r.currency, r.amount_minor into chosen
        from registry.plans p
        join registry.plan_prices r on r.code = p.code and r.version = p.version
            and r.period = coalesce(wanted ->> 'period', s.period) and r.currency = coalesce(wanted ->> 'currency', s.currency)
        where p.code = wanted ->> 'plan' and p.listed and p.retired_at is null
          and p.version = (select max(o.version) from registry.plans o where o.code = p.code and o.listed and o.retired_at is null);
        if not found then
            raise foreign_key_violation using constraint = 'subscriptions_plan_offered', schema = 'tenant', table = 'subscriptions', message = 'not offered';
        end if;
        -- What is paid for in one currency cannot be set against what costs another.
        if chosen.currency <> s.currency and not coalesce((wanted ->> 'at_period_end')::boolean, false)
            and s.state = 'active' and registry.prorated(s.amount_minor, s.period_starts_at, s.period_ends_at, now()) > 0 then
            raise exception using errcode = 'RH057', message = s.currency;
        end if;
        -- Nor what is owed, or in credit, whatever has become of the subscription.
        if not coalesce((wanted ->> 'at_period_end')::boolean, false)
            and exists (select from registry.open_balance(here) b where b.currency <> chosen.currency) then
            raise exception using errcode = 'RH057', message = (select min(b.currency) from registry.open_balance(here) b where b.currency <> chosen.currency);
        end if;
        facts := jsonb_build_object('plan', chosen.code, 'plan_version', chosen.version, 'period', chosen.period, 'currency', chosen.currency,
                                    'at_period_end', coalesce((wanted ->> 'at_period_end')::boolean, false));
        if s.state = 'canceled' then
            -- To cancel and choose again is no way around what is overdue.
            if exists (select from tenant.invoices i where i.tenant_id = here and i.status = 'open' and i.due_at <= now()) then
                raise exception using errcode = 'RH056', message = 'past_due';
            end if;
            return query select b.currency, b.lines from registry.subscribe_again(here, chosen.code, chosen.version, chosen.period, chosen.currency) b;
            return;
        end if;
    end if;
    -- Where nothing is left of what was paid for, the end is now.
    if event = 'cancel_at_period_end' and s.state = 'suspended' then
        event := 'canceled_now';
    end if;
    if registry.subscription_after(s.state, event, s.cancel_at_period_end) is null then
        raise exception using errcode = 'RH056', message = s.state;
    end if;
    select a.state, a.lines into now_is from registry.advance_subscription(here, event, now(), facts) a;
    return query select s.currency, now_is.lines;
end
$$;
alter function registry.manage_subscription(text, jsonb, bigint[]) owner to rowhouse_billing;
revoke all on function registry.manage_subscription(text, jsonb, bigint[]) from public;
grant execute on function registry.manage_subscription(text, jsonb, bigint[]) to rowhouse_api;
comment on function registry.manage_subscription(text, jsonb, bigint[]) is
    'Nobody who serves may say what a tenant is on or what that costs; it asks for billing:manage and goes by what plans say.';
