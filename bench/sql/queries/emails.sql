-- Who can sign in: one of each tenant, then another of each.
select u.email
from tenant.memberships m
join registry.users u on u.id = m.user_id
order by row_number() over (partition by m.tenant_id order by m.user_id), m.tenant_id
