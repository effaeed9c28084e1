select registry.take_own_idempotency_key($1, $2)
