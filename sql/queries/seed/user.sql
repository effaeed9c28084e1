insert into registry.users (id, email, full_name, password_hash) values ($1, $2, $3, $4)
