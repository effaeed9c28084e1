-- Rows of a tenant's log ($1) that stand before the place where sealing begins: no trigger gives a row such a place.
select id from tenant.audit_log where tenant_id = $1 and (epoch, xid, id) <= (0, 0, '00000000-0000-0000-0000-000000000000') order by epoch, xid, id
