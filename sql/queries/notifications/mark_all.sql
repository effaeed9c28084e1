-- So many of the unread, up to and including $3. Locked in one order, so that a person on two devices waits and meets no
-- deadlock; whatever the other has marked meanwhile is passed over.
with unread as (
    select id
    from tenant.notifications
    where tenant_id = $1 and user_id = $2 and read_at is null and id <= $3
    order by id desc
    limit $4
    for no key update
)
update tenant.notifications n
set read_at = now()
from unread
where n.tenant_id = $1 and n.user_id = $2 and n.id = unread.id
returning n.id
