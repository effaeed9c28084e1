delete from registry.sessions where id <> $1 returning id
