-- The seals of a tenant ($1) after number $2, $3 of them, for whoever verifies.
select number, epoch, xid, row_id, rows, leaves, forgotten_through, sealed_at, head, signature, key_id
from tenant.audit_seals
where tenant_id = $1 and number > $2
order by number
limit $3
