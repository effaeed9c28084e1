select registry.signup_is_open() as open
