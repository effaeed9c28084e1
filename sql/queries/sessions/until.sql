select expires_at from registry.sessions where id = $1
