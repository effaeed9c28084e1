-- How far events are forgotten; no row where none are.
select epoch, xid, event_id from tenant.event_floors where tenant_id = $1
