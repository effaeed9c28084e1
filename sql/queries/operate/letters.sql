-- Newest first; the dead ones alone where that is said. What only a server's secret opens is not asked for.
select id, about, attempts, due_at, lease is not null and due_at > now() as under_way, error, dead_at, created_at from registry.letters
where not $1 or dead_at is not null
order by id desc
limit $2
