-- $2 id uuid = {api_keys.id}
select id, name, permissions, hint, created_by, expires_at, last_used_at, previous_until, created_at, updated_at, version
from tenant.api_keys
where tenant_id = $1 and id = $2
