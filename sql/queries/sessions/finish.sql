-- Behind the wall on registry.sessions these are the caller's own; refresh tokens go with their session.
-- $1 handle uuid
delete from registry.sessions where handle = $1 returning handle as id
