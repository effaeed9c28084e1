-- $2 id uuid = {invoices.id}
select id, kind, status, number, credits_id, subscription_id, reason, currency, subtotal_minor, tax_minor, total_minor, settled_minor, credited_minor, period_from, period_to, issued_at, due_at, settled_at, created_at, updated_at, version,
       seller_name, seller_address, seller_tax_number, customer_name, note
from tenant.invoices
where tenant_id = $1 and id = $2
