select outcome, status, answer from registry.claim_own_idempotency_key($1, $2)
