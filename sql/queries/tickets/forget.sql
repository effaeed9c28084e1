-- Housekeeping on the way: the caller's own that were never used.
-- $2 principal uuid = {tickets.principal}
delete from tenant.tickets
where tenant_id = $1 and principal = $2 and expires_at <= now()
