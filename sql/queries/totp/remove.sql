-- Recovery codes go with it.
-- $1 user uuid
delete from registry.totp where user_id = $1 returning user_id
