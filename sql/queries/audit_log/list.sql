-- Newest first, off the primary key, made from $5 on. What is not asked for is null; rows that are passed over are read, so whoever looks for few among many
-- says from when to when.
-- $2 epoch bigint = 1 or 9223372036854775807
-- $3 xid bigint = 1000 or 9223372036854775807
-- $4 id uuid = {middle} or {max}
-- $5 actor uuid = null
-- $6 action text = null
-- $7 object_type text = null
-- $8 object uuid = null
-- $9 from timestamptz = null
-- $10 until timestamptz = null
-- $11 rows bigint = {page}
select epoch, xid, id, at, actor_kind, actor_id, on_behalf_of, session_id, login, request_id, address, action, object_type, object_id, before, after
from tenant.audit_log
where tenant_id = $1 and (epoch, xid, id) < ($2, $3, $4)
  and ($5::uuid is null or actor_id = $5 or on_behalf_of = $5)
  and ($6::text is null or action = $6)
  and ($7::text is null or object_type = $7)
  and ($8::uuid is null or object_id = $8)
  and ($9::timestamptz is null or at >= $9)
  and ($10::timestamptz is null or at < $10)
order by epoch desc, xid desc, id desc
limit $11
