-- Newest first, off (user_id, created_at, handle). $5 is the session that asks.
-- $1 user uuid = {caller}
-- $2 before timestamptz = now() - interval '1000 seconds'
-- $3 before_id uuid = {middle}
-- $4 rows bigint = {page}
-- $5 current uuid = {nil}
select handle as id, kind, device, address, handle = $5 as current, created_at, last_used_at, expires_at
from registry.sessions
where user_id = $1 and (created_at, handle) < ($2, $3) and idle_until > now() and expires_at > now()
order by created_at desc, handle desc
limit $4
