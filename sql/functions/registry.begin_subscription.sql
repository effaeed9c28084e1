-- Trigger with its owner's rights: a tenant is on the plan that tenants begin with from the first moment, on trial as long as its own row says,
-- or as the plan does; reading which is one row, never "or the default".
-- Why with rights of its own: whoever founds tenants may not say what they have paid for. It is no door, nobody can call it.
create or replace function registry.begin_subscription() returns trigger
    language plpgsql security definer set search_path = ''
as $$
declare
    on_trial constant boolean := new.status = 'trial';
begin
    insert into tenant.subscriptions (tenant_id, id, plan, plan_version, period, currency, amount_minor, state, trial_ends_at, due_at, anchor_at, period_starts_at)
    select new.id, registry.new_id(), p.code, p.version, coalesce(r.period, 'month'), coalesce(r.currency, 'EUR'), coalesce(r.amount_minor, 0),
           case when on_trial then 'trialing' else 'active' end, t.trial_ends_at, t.trial_ends_at,
           case when not on_trial then now() end, case when not on_trial then now() end
    from registry.plans p
    -- By the month where it has such a price, in euros before others.
    left join lateral (select x.* from registry.plan_prices x where x.code = p.code and x.version = p.version
                        order by x.period, x.currency <> 'EUR', x.currency limit 1) r on true
    cross join lateral (select case when on_trial then coalesce(new.trial_ends_at, now() + make_interval(days => p.trial_days)) end as trial_ends_at) t
    where p.is_default;
    return null;
end
$$;
alter function registry.begin_subscription() owner to rowhouse_billing;
revoke all on function registry.begin_subscription() from public;
comment on function registry.begin_subscription() is
    'Whoever founds tenants may not say what they have paid for; it puts the one that is being made on what all begin with.';
