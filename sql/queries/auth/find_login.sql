select user_id, password_hash, may_sign_in, totp_sealed from registry.find_login($1, $2)
