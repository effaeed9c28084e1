-- $2 id uuid = {invitations.id}
-- $3 token_hash bytea = {hash}
-- $4 lifetime text = '1 day'
update tenant.invitations
set token_hash = sha256($3), expires_at = now() + ($4::text)::interval
where tenant_id = $1 and id = $2
returning id, email, role_id, invited_by, expires_at, expires_at <= now() as expired, created_at, updated_at, version
