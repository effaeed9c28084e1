insert into registry.users (id, email, full_name, password_hash, email_verified_at) values ($1, $2, $3, $4, now())
