-- One that waits or is dead is tried at once, with all its tries. One that is dead while another that says the same waits stays dead.
update registry.letters l set dead_at = null, due_at = now(), attempts = 0
where l.id = $1 and l.lease is null
  and not exists (select from registry.letters o where o.same = l.same and o.id <> l.id and o.lease is null and o.dead_at is null)
returning id, about, attempts, due_at, false as under_way, error, dead_at, created_at
