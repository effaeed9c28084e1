-- Behind the wall on registry.sessions these are the caller's own.
select id from registry.sessions where id <> $1
