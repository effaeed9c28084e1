select expires_at from registry.sessions where handle = $1
