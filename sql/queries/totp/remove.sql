-- Recovery codes go with it.
delete from registry.totp where user_id = $1 returning user_id
