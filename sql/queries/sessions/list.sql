-- Newest first, off (user_id, id). $4 is the session that asks.
select id, kind, device, address, id = $4 as current, created_at, last_used_at, expires_at
from registry.sessions
where user_id = $1 and id < $2 and idle_until > now() and expires_at > now()
order by id desc
limit $3
