-- The rows of a tenant's log ($1) after a position ($2, $3, $4) and up to another ($5, $6, $7), each by its SHA-256, as work/audit_rows.sql has it: for whoever verifies.
select l.epoch, l.xid, l.id, sha256(convert_to(jsonb_build_array(l.tenant_id, l.epoch, l.xid, l.id, (extract(epoch from l.at) * 1000000)::bigint, l.actor_kind, l.actor_id, l.on_behalf_of,
           l.session_id, l.login, l.request_id, l.address, l.action, l.object_type, l.object_id, l.before, l.after)::text, 'UTF8')) as leaf
from tenant.audit_log l
where l.tenant_id = $1 and (l.epoch, l.xid, l.id) > ($2, $3, $4) and (l.epoch, l.xid, l.id) <= ($5, $6, $7)
order by l.epoch, l.xid, l.id
