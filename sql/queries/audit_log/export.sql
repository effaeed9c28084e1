-- All of a tenant's log in the order in which it was committed, off the primary key, a batch at a time: $5 rows.
-- $2 epoch bigint = 1 or 0
-- $3 xid bigint = 1 or 0
-- $4 id uuid = {middle} or {nil}
-- $5 rows bigint = {page}
select epoch, xid, id, at, actor_kind, actor_id, on_behalf_of, session_id, login, request_id, address, action, object_type, object_id, before, after
from tenant.audit_log
where tenant_id = $1 and (epoch, xid, id) > ($2, $3, $4)
order by epoch, xid, id
limit $5
