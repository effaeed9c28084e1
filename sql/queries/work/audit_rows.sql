-- The next $5 rows of the log after a position ($2, $3, $4), each by its SHA-256, in the order in which they were committed: none of a transaction that began
-- after one that has not ended, which may write something yet. Of an epoch that is past all have ended; which is the present one, the newest row tells.
-- operate/audit_rows.sql hashes in the same way.
select l.epoch, l.xid, l.id, sha256(convert_to(jsonb_build_array(l.tenant_id, l.epoch, l.xid, l.id, (extract(epoch from l.at) * 1000000)::bigint, l.actor_kind, l.actor_id, l.on_behalf_of,
           l.session_id, l.login, l.request_id, l.address, l.action, l.object_type, l.object_id, l.before, l.after)::text, 'UTF8')) as leaf
from tenant.audit_log l
where l.tenant_id = $1 and (l.epoch, l.xid, l.id) > ($2, $3, $4)
  and (l.epoch, l.xid) < ((select max(n.epoch) from tenant.audit_log n where n.tenant_id = $1), (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint))
order by l.epoch, l.xid, l.id
limit $5
