-- $1 user uuid
delete from registry.sessions where handle <> $1 returning handle as id
