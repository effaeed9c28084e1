-- $1 user uuid
delete from registry.devices where user_id = $1
