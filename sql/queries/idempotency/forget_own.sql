-- $1 user uuid
-- $2 key text
delete from registry.idempotency_keys
where user_id = $1 and key = $2
returning user_id
