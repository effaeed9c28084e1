-- $4: read or not. What is read keeps the time of the first reading.
-- $2 user uuid = {notifications.user_id}
-- $3 id uuid = {notifications.id}
-- $4 read boolean = true
update tenant.notifications
set read_at = case when $4 then coalesce(read_at, now()) end
where tenant_id = $1 and user_id = $2 and id = $3
returning id, kind, title, body, link, data, read_at, created_at
