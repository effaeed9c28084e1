-- As the migrator. The next version of a plan with its prices, each a period, a currency and an amount; where tenants are to begin with it, they
-- no longer begin with another.
with before as (
    update registry.plans set is_default = false where $7::boolean and is_default
    returning code
), made as (
    insert into registry.plans (code, version, name, features, limits, trial_days, listed, is_default)
    select $1, (select coalesce(max(o.version), 0) + 1 from registry.plans o where o.code = $1), $2, $3, $4, $5, $6, $7
    -- After it, since one plan alone is the one to begin with.
    where (select count(*) from before) >= 0
    returning code, version
)
insert into registry.plan_prices (code, version, period, currency, amount_minor)
select made.code, made.version, r.period, r.currency, r.amount_minor
from made, unnest($8::text[], $9::text[], $10::bigint[]) as r (period, currency, amount_minor)
returning code
