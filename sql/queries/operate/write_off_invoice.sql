-- As the migrator. $1 is an id or a number.
select i.id, registry.write_off_invoice(i.tenant_id, i.id, now(), $2, $3)::text as done
from tenant.invoices i
where i.id = (select n.id from tenant.invoices n where n.id::text = $1 or n.number = $1 order by n.id::text = $1 desc limit 1)
