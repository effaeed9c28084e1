-- Newest first, off (user_id, created_at, handle). $5 is the session that asks.
select handle as id, kind, device, address, handle = $5 as current, created_at, last_used_at, expires_at
from registry.sessions
where user_id = $1 and (created_at, handle) < ($2, $3) and idle_until > now() and expires_at > now()
order by created_at desc, handle desc
limit $4
