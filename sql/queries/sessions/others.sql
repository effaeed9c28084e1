-- Behind the wall on registry.sessions these are the caller's own.
-- $1 user uuid
-- plan: skip: all of them are ended
select handle as id from registry.sessions where handle <> $1
