-- Up to a thousand rows of the log that are sealed and forgotten: up to a position ($2, $3, $4).
delete from tenant.audit_log l
using (select epoch, xid, id from tenant.audit_log
       where tenant_id = $1 and (epoch, xid, id) <= ($2, $3, $4) order by epoch, xid, id limit 1000) o
where l.tenant_id = $1 and l.epoch = o.epoch and l.xid = o.xid and l.id = o.id
returning l.id
