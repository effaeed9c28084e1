-- How many rows of a tenant's log ($1) come after a position ($2, $3, $4), and since when the oldest of them is there.
select count(*) as rows, min(at) as since from tenant.audit_log where tenant_id = $1 and (epoch, xid, id) > ($2, $3, $4)
