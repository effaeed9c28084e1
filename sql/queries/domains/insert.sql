-- $2 id uuid = {new}
-- $3 domain text = 'planted.example'
-- $4 challenge text = 'x'
insert into registry.domains (tenant_id, id, domain, challenge)
values ($1, $2, $3, $4)
returning id, domain, challenge, verified_at, checked_at, created_at
