select id::text as id from registry.users where id::text = lower($1) or email = lower($1)
