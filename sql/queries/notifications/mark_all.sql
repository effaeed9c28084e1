-- So many of the unread, up to and including $3. A person on two devices waits for none of them: what the one is marking
-- just now, the other passes over.
-- $2 user uuid = {caller}
-- $3 newest uuid = {max}
-- $4 most bigint = {page}
with unread as (
    select id
    from tenant.notifications
    where tenant_id = $1 and user_id = $2 and read_at is null and id <= $3
    order by id desc
    limit $4
    for no key update skip locked
)
update tenant.notifications n
set read_at = now()
from unread
where n.tenant_id = $1 and n.user_id = $2 and n.id = unread.id
returning n.id
