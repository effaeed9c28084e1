-- Where a tenant's chain of seals ends.
select number, epoch, xid, row_id, forgotten_through, head
from tenant.audit_seals
where tenant_id = $1
order by number desc
limit 1
