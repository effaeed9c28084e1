-- Where a tenant's chain of seals ends: whole, and with the head before it, so that whoever goes on from it can tell whether it is what was sealed.
select s.number, s.epoch, s.xid, s.row_id, s.rows, s.leaves, s.forgotten_through, s.sealed_at, s.head, s.signature, s.key_id,
       (select b.head from tenant.audit_seals b where b.tenant_id = $1 and b.number = s.number - 1) as before
from tenant.audit_seals s
where s.tenant_id = $1
order by s.number desc
limit 1
