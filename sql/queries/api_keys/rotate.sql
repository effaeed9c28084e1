-- $2 id uuid = {api_keys.id}
-- $3 secret_hash bytea = {hash}
-- $4 hint text = 'abcd'
-- $5 previous_for text = '1 day'
update tenant.api_keys
set previous_hash = secret_hash, previous_until = now() + ($5::text)::interval, secret_hash = sha256($3), hint = $4
where tenant_id = $1 and id = $2
returning id, name, permissions, hint, created_by, expires_at, last_used_at, previous_until, created_at, updated_at, version
