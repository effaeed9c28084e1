select password_hash, totp_sealed from registry.find_own_login($1)
