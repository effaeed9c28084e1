-- Newest first, off the primary key.
-- $1 user uuid = {caller}
-- $2 before timestamptz = now() - interval '1000 seconds'
-- $3 before_id uuid = {middle}
-- $4 rows bigint = {page}
select id, kind, session_id, address, created_at
from registry.account_events
where user_id = $1 and (created_at, id) < ($2, $3)
order by created_at desc, id desc
limit $4
