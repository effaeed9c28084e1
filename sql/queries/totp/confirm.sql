-- $1 user uuid
-- $2 step bigint
-- $3 secret_sealed bytea
update registry.totp set confirmed_at = now(), last_step = $2
where user_id = $1 and confirmed_at is null and secret_sealed = $3
returning user_id
