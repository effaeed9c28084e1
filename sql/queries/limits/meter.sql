-- $1 is the tenant, as everywhere inside one; the door takes it from the setting. $2: requests to add.
select m.tenant_per_minute, m.principal_per_minute, m.tenant_per_month, m.used, m.month_begins, m.month_ends
from registry.meter($2) m
where $1::uuid is not null
