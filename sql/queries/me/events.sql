-- Newest first, off the primary key.
select id, kind, session_id, address, created_at
from registry.account_events
where user_id = $1 and (created_at, id) < ($2, $3)
order by created_at desc, id desc
limit $4
