-- Newest first, off the primary key.
-- $2 before uuid = {middle} or {max}
-- $3 rows bigint = {page}
select id, kind, status, number, credits_id, subscription_id, reason, currency, subtotal_minor, tax_minor, total_minor, settled_minor, credited_minor, period_from, period_to, issued_at, due_at, settled_at, created_at, updated_at, version
from tenant.invoices
where tenant_id = $1 and id < $2
order by id desc
limit $3
