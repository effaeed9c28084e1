-- As the migrator. All versions of all plans, with prices as they are said on the command line, and how many tenants are on each.
select p.code, p.version, p.name, p.features, p.limits, p.trial_days, p.listed, p.is_default, p.retired_at is not null as retired,
       array(select format('%s:%s:%s', r.period, r.currency, r.amount_minor) from registry.plan_prices r
             where r.code = p.code and r.version = p.version order by r.currency, r.period) as prices,
       (select count(*) from tenant.subscriptions s where s.plan = p.code and s.plan_version = p.version and s.state <> 'canceled') as tenants
from registry.plans p
order by p.code, p.version
