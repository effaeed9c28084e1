-- Behind the wall on registry.sessions these are the caller's own.
select handle as id from registry.sessions where handle <> $1
