-- What the tenant is on; where that has ended, what it was on last. Its version counts what changes of either row.
select s.id, s.plan, s.plan_version, e.plan_name, s.period, s.amount_minor, s.currency, s.state, s.state_since, e.access, s.trial_ends_at,
       s.period_starts_at, s.period_ends_at, s.state_ends_at, s.cancel_at_period_end, s.next_plan, s.next_plan_version, s.next_period, s.next_currency,
       s.canceled_at, s.created_at, greatest(s.updated_at, e.updated_at) as updated_at, e.features, e.limits, s.version + e.version as version
from tenant.subscriptions s
join tenant.entitlements e on e.tenant_id = s.tenant_id
where s.tenant_id = $1
  and s.id = (select coalesce((select x.id from tenant.subscriptions x where x.tenant_id = $1 and x.state <> 'canceled'),
                             (select y.id from tenant.subscriptions y where y.tenant_id = $1 order by y.id desc limit 1)))
