-- Not a door, only doors of rowhouse_billing may call it: the one way in which anything becomes of a subscription. It takes one event, at a moment, and answers what the
-- state is, whether anything has changed, and what is to be paid for it. What an event means, registry.subscription_after says; one that means nothing in a state, that
-- comes twice or too early changes nothing, so that what is told twice or out of order does no harm.
-- The row is locked first: whoever causes one holds it before anything of invoices or payments.
-- Facts of plan_changed: plan, plan_version, period, currency, and at_period_end where it is to be so from the next period on.
--   22023  there is no such event, or no such version of a plan with that price
create or replace function registry.advance_subscription(whose uuid, event text, at timestamptz default now(), facts jsonb default '{}')
    returns table (state text, changed boolean, lines jsonb)
    language plpgsql set search_path = ''
as $$
#variable_conflict use_column
declare
    was tenant.subscriptions;
    s tenant.subscriptions;
    price bigint;
    -- What is to be paid for: from when until when, and why.
    paid_from timestamptz;
    paid_to timestamptz;
    reason text := 'period';
    due jsonb := '[]';
    back bigint := 0;
    begins_period boolean := false;
    next_state text;
    at_end constant boolean := coalesce((facts ->> 'at_period_end')::boolean, false);
begin
    if event not in ('trial_ended', 'period_ended', 'past_due_ended', 'grace_ended', 'suspension_ended', 'payment_succeeded', 'payment_failed',
                     'canceled_now', 'cancel_at_period_end', 'resumed', 'plan_changed') then
        raise exception using errcode = '22023', message = format('there is no event %s', event);
    end if;
    select x.* into was from tenant.subscriptions x where x.tenant_id = whose and x.state <> 'canceled' for no key update;
    if not found then
        return query select x.state, false, '[]'::jsonb from tenant.subscriptions x where x.tenant_id = whose order by x.id desc limit 1;
        return;
    end if;
    s := was;

    -- What costs nothing has no end to wait for.
    if event = 'cancel_at_period_end' and was.state = 'active' and was.period_ends_at is null then
        event := 'canceled_now';
    end if;
    next_state := registry.subscription_after(was.state, event, was.cancel_at_period_end);
    -- The clock says nothing before its time, whatever who calls believes.
    if next_state is null
        or event = 'trial_ended' and at < was.trial_ends_at
        or event = 'period_ended' and (was.period_ends_at is null or at < was.period_ends_at)
        or event in ('past_due_ended', 'grace_ended', 'suspension_ended') and at < was.state_ends_at then
        return query select was.state, false, '[]'::jsonb;
        return;
    end if;

    if event = 'plan_changed' then
        select r.amount_minor into price from registry.plan_prices r
        where r.code = facts ->> 'plan' and r.version = (facts ->> 'plan_version')::smallint
          and r.period = facts ->> 'period' and r.currency = facts ->> 'currency';
        if not found then
            raise exception using errcode = '22023', message = format('there is no such plan: %s', facts);
        end if;
        s.next_plan := null;
        s.next_plan_version := null;
        s.next_period := null;
        s.next_currency := null;
        if (was.plan, was.plan_version, was.period, was.currency)
           is distinct from (facts ->> 'plan', (facts ->> 'plan_version')::smallint, facts ->> 'period', facts ->> 'currency') then
            if at_end and (was.state = 'trialing' or was.period_ends_at is not null) then
                s.next_plan := facts ->> 'plan';
                s.next_plan_version := facts ->> 'plan_version';
                s.next_period := facts ->> 'period';
                s.next_currency := facts ->> 'currency';
            else
                s.plan := facts ->> 'plan';
                s.plan_version := facts ->> 'plan_version';
                s.period := facts ->> 'period';
                s.currency := facts ->> 'currency';
                s.amount_minor := price;
                if was.state = 'active' then
                    reason := 'change';
                    back := registry.prorated(was.amount_minor, was.period_starts_at, was.period_ends_at, at);
                    if was.period_ends_at is not null and s.period = was.period and price > 0 then
                        -- The period goes on: the rest of it is paid at the other price.
                        paid_from := at;
                        paid_to := was.period_ends_at;
                        price := registry.prorated(price, was.period_starts_at, was.period_ends_at, at);
                    else
                        begins_period := true;
                    end if;
                end if;
            end if;
        end if;
    elsif event = 'cancel_at_period_end' then
        s.cancel_at_period_end := true;
    elsif event = 'resumed' then
        s.cancel_at_period_end := false;
    elsif event in ('trial_ended', 'period_ended') and next_state <> 'canceled' then
        begins_period := true;
        if was.next_plan is not null then
            s.plan := was.next_plan;
            s.plan_version := was.next_plan_version;
            s.period := was.next_period;
            s.currency := was.next_currency;
            s.next_plan := null;
            s.next_plan_version := null;
            s.next_period := null;
            s.next_currency := null;
            select r.amount_minor into strict s.amount_minor from registry.plan_prices r
            where r.code = s.plan and r.version = s.plan_version and r.period = s.period and r.currency = s.currency;
            s.anchor_at := null;
        end if;
    elsif event = 'payment_succeeded' and was.state in ('grace', 'suspended') and was.period_ends_at <= at then
        -- The period that was owed is over, and nobody could use what came after it: another begins.
        begins_period := true;
        s.anchor_at := null;
    end if;

    if begins_period then
        -- Where one follows another it begins where that ended, however late the clock is looked at.
        s.period_starts_at := case event when 'period_ended' then was.period_ends_at when 'trial_ended' then was.trial_ends_at else at end;
        s.anchor_at := case when event = 'period_ended' then coalesce(s.anchor_at, s.period_starts_at) else s.period_starts_at end;
        s.period_ends_at := case when s.amount_minor > 0 then registry.period_end(s.anchor_at, s.period, s.period_starts_at) end;
        price := s.amount_minor;
        paid_from := s.period_starts_at;
        paid_to := s.period_ends_at;
    end if;
    if next_state <> was.state then
        s.state := next_state;
        s.state_since := at;
        s.state_ends_at := at + registry.dunning(next_state);
    end if;
    if s.state = 'canceled' then
        s.canceled_at := at;
        s.cancel_at_period_end := false;
        s.next_plan := null;
        s.next_plan_version := null;
        s.next_period := null;
        s.next_currency := null;
    end if;
    s.due_at := case s.state when 'trialing' then s.trial_ends_at when 'active' then s.period_ends_at
                             when 'past_due' then least(s.period_ends_at, s.state_ends_at) when 'canceled' then null else s.state_ends_at end;
    if back > 0 then
        due := due || jsonb_build_array(jsonb_build_object('kind', 'credit', 'plan', was.plan, 'plan_version', was.plan_version, 'period', was.period,
                                                           'quantity', 1, 'amount_minor', -back));
    end if;
    if price > 0 and paid_from is not null then
        due := due || jsonb_build_array(jsonb_build_object('kind', 'plan', 'plan', s.plan, 'plan_version', s.plan_version, 'period', s.period,
                                                           'quantity', 1, 'amount_minor', price));
    end if;
    if s is not distinct from was and event <> 'payment_succeeded' then
        return query select was.state, false, '[]'::jsonb;
        return;
    end if;

    update tenant.subscriptions x
    set plan = s.plan, plan_version = s.plan_version, period = s.period, currency = s.currency, amount_minor = s.amount_minor, state = s.state,
        state_since = s.state_since, anchor_at = s.anchor_at, period_starts_at = s.period_starts_at, period_ends_at = s.period_ends_at,
        state_ends_at = s.state_ends_at, cancel_at_period_end = s.cancel_at_period_end, next_plan = s.next_plan, next_plan_version = s.next_plan_version,
        next_period = s.next_period, next_currency = s.next_currency, due_at = s.due_at, canceled_at = s.canceled_at
    where x.tenant_id = whose and x.id = was.id;
    -- What whoever runs the platform has decided about the tenant stays decided.
    update registry.tenants t
    set status = registry.status_of(s.state),
        paid_until = case when event = 'payment_succeeded' then coalesce(s.period_ends_at, t.paid_until) else t.paid_until end
    where t.id = whose and t.status in ('trial', 'active', 'read_only', 'unpaid')
      and (t.status <> registry.status_of(s.state) or event = 'payment_succeeded' and t.paid_until is distinct from coalesce(s.period_ends_at, t.paid_until));
    if due <> '[]' then
        perform registry.issue_invoice(whose, was.id, reason, s.currency, paid_from, paid_to, due, at);
    end if;
    return query select s.state, s is distinct from was, due;
end
$$;
alter function registry.advance_subscription(uuid, text, timestamptz, jsonb) owner to rowhouse_billing;
revoke all on function registry.advance_subscription(uuid, text, timestamptz, jsonb) from public;
