-- How many rows of a tenant's log ($1) come after a position ($2, $3, $4).
select count(*) as rows from tenant.audit_log where tenant_id = $1 and (epoch, xid, id) > ($2, $3, $4)
