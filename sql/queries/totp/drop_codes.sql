-- $1 user uuid
delete from registry.recovery_codes where user_id = $1
