-- $1 handle uuid
-- plan: skip: one row, by its primary key
select expires_at from registry.sessions where handle = $1
