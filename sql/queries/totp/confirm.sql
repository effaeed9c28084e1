update registry.totp set confirmed_at = now(), last_step = $2
where user_id = $1 and confirmed_at is null and secret_sealed = $3
returning user_id
