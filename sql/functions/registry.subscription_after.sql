-- Not a door, it reads nothing: what becomes of a subscription in this state by this event, or null where the event means nothing to it; `then_ends` says
-- that somebody wants it to end with what it has been paid for. The table of docs/billing.md, which a test holds beside it.
create or replace function registry.subscription_after(state text, event text, then_ends boolean) returns text
    language sql immutable parallel safe set search_path = ''
as $$
    select case
        when state = 'canceled' then null
        when event = 'canceled_now' then 'canceled'
        when event = 'trial_ended' and state = 'trialing' then case when then_ends then 'canceled' else 'active' end
        when event = 'period_ended' and state in ('active', 'past_due') then case when then_ends then 'canceled' else state end
        when event = 'payment_failed' and state = 'active' then 'past_due'
        when event = 'payment_succeeded' and state in ('active', 'past_due', 'grace', 'suspended') then 'active'
        when event = 'past_due_ended' and state = 'past_due' then 'grace'
        when event = 'grace_ended' and state = 'grace' then 'suspended'
        when event = 'suspension_ended' and state = 'suspended' then 'canceled'
        when event in ('cancel_at_period_end', 'resumed') and state in ('trialing', 'active', 'past_due', 'grace') then state
        when event = 'plan_changed' and state in ('trialing', 'active') then state
    end
$$;
alter function registry.subscription_after(text, text, boolean) owner to rowhouse_owner;
revoke all on function registry.subscription_after(text, text, boolean) from public;
grant execute on function registry.subscription_after(text, text, boolean) to rowhouse_billing;
