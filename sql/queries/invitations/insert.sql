-- What an invitation carries comes from its role; no row says that there is no such role. Where no member asks, a key does.
-- $2 id uuid = {new}
-- $3 email text = 'planted@example.com'
-- $4 role uuid = {roles.id}
-- $5 token_hash bytea = {hash}
-- $6 invited_by uuid = null
-- $7 lifetime text = '1 day'
insert into tenant.invitations (tenant_id, id, email, role_id, permissions, token_hash, invited_by, invited_by_key, expires_at)
select $1, $2, $3, r.id, r.permissions, sha256($5), $6, case when $6::uuid is null then registry.principal() end, now() + ($7::text)::interval
from tenant.roles r
where r.tenant_id = $1 and r.id = $4
returning id, email, role_id, invited_by, expires_at, expires_at <= now() as expired, created_at, updated_at, version
