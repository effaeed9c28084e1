-- Newest first; the last hundred, off (tenant_id, invoice_id, id).
-- $2 invoice_id uuid = {invoices.id}
select id, provider, reference, currency, amount_minor, refunded_minor, created_at
from tenant.payments
where tenant_id = $1 and invoice_id = $2
order by id desc
limit 100
