select registry.take_idempotency_key($2, $3) from (select $1::uuid) tenant
