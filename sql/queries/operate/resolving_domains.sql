-- As the migrator. Every domain that resolves, by name.
select h.domain, d.challenge
from registry.hosts h join registry.domains d on d.tenant_id = h.tenant_id and d.domain = h.domain
where h.domain > $1
order by h.domain
limit $2
