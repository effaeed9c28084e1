-- As the migrator. $1 is an invoice's id or number, $3 the payment's reference.
select i.id, registry.record_refund(p.tenant_id, p.id, $4, now(), $2, $5)::text as done
from tenant.invoices i join tenant.payments p on p.tenant_id = i.tenant_id and p.invoice_id = i.id
where i.id = (select n.id from tenant.invoices n where n.id::text = $1 or n.number = $1 order by n.id::text = $1 desc limit 1)
  and p.reference = $3
