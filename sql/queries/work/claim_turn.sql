-- Whose turn it is, but for those in $1; null where nobody waits.
select registry.claim_turn($1) as tenant_id
