select id from registry.users where email = $1 and active
