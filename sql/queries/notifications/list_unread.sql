-- Newest first, off the index of the unread.
select id, kind, title, body, link, data, read_at, created_at
from tenant.notifications
where tenant_id = $1 and user_id = $2 and read_at is null and id < $3
order by id desc
limit $4
