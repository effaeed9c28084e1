-- Newest first, off the primary key.
-- $2 before uuid = {middle} or {max}
-- $3 rows bigint = {page}
select id, name, permissions, hint, created_by, expires_at, last_used_at, previous_until, created_at, updated_at, version
from tenant.api_keys
where tenant_id = $1 and id < $2
order by id desc
limit $3
