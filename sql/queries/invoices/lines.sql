-- At most 200 lines, and a tax for each rate.
-- $2 invoice_id uuid = {invoices.id}
select kind, description, quantity, unit_minor, tax_rate_bp, amount_minor
from tenant.invoice_lines
where tenant_id = $1 and invoice_id = $2
order by position
limit 500
