-- The last seal that was made more than $2 days ago and is no earlier than that up to which rows are forgotten ($3).
select number, epoch, xid, row_id, forgotten_through, head
from tenant.audit_seals
where tenant_id = $1 and number >= $3 and sealed_at < now() - make_interval(days => $2)
order by number desc
limit 1
