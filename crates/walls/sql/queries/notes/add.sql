-- A note of the tenant's.
insert into notes (tenant_id, id, body) values ($1, $2, $3)
