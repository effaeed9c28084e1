-- Newest first, off the index of the unread.
-- $2 user uuid = {caller}
-- $3 before uuid = {middle} or {max}
-- $4 rows bigint = {page}
select id, kind, title, body, link, data, read_at, created_at
from tenant.notifications
where tenant_id = $1 and user_id = $2 and read_at is null and id < $3
order by id desc
limit $4
