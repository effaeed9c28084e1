-- As the migrator. $1 is an id or a number.
select i.id, registry.record_payment(i.tenant_id, i.id, $3, $4, coalesce($5, now()), $2)::text as done
from tenant.invoices i
where i.id = (select n.id from tenant.invoices n where n.id::text = $1 or n.number = $1 order by n.id::text = $1 desc limit 1)
