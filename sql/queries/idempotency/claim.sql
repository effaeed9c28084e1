select outcome, status, answer from registry.claim_idempotency_key($2, $3) where $1::uuid is not null
