select user_id, password_hash, active from registry.find_login($1)
