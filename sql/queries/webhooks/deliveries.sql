-- Newest first, off (tenant_id, endpoint_id, id). The page ends early where $5 bytes of payload stand before a row.
-- $2 endpoint_id uuid = {webhook_deliveries.endpoint_id}
-- $3 before uuid = {middle} or {max}
-- $4 rows bigint = {page}
-- $5 bytes bigint = {bytes}
select id, endpoint_id, event_id, event_type, payload, state, attempts, next_at, last_status, last_error, created_at, finished_at
from (
    select *, sum(octet_length(payload)) over (order by id desc rows between unbounded preceding and 1 preceding) as before
    from (
        select id, endpoint_id, event_id, event_type, payload, state, attempts, next_at, last_status, last_error, created_at, finished_at
        from tenant.webhook_deliveries
        where tenant_id = $1 and endpoint_id = $2 and id < $3
        order by id desc
        limit $4
    ) page
) page
where coalesce(before, 0) < $5
order by id desc
