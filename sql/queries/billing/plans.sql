-- What may be chosen: of each plan the newest version, with its prices. The wall shows no other; whoever may not see what the tenant is on has no
-- use for it.
select distinct on (p.code) p.code, p.version, p.name, p.features, p.limits, p.trial_days,
       (select coalesce(jsonb_agg(jsonb_build_object('period', r.period, 'amount_minor', r.amount_minor, 'currency', r.currency)
                                  order by r.currency, r.period), '[]')
        from registry.plan_prices r where r.code = p.code and r.version = p.version) as prices
from registry.plans p
where $1 = registry.require('billing:read')
order by p.code, p.version desc
