-- $1 user uuid
-- $2 key text
-- $3 status smallint
-- $4 answer bytea
update registry.idempotency_keys
set status = $3, answer = $4
where user_id = $1 and key = $2
returning user_id
