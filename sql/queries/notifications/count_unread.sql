-- Counts so many and no more; the index of the unread has all that is asked.
-- $2 user uuid = {caller}
-- $3 most bigint = {page}
select count(*) as counted
from (
    select from tenant.notifications
    where tenant_id = $1 and user_id = $2 and read_at is null
    limit $3
) unread
