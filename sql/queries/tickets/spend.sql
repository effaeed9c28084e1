-- Nobody else has used it, or will: of two at once the second finds none.
-- $2 principal uuid = {tickets.principal}
-- $3 id uuid = {tickets.id}
delete from tenant.tickets
where tenant_id = $1 and principal = $2 and id = $3 and expires_at > now()
returning id
