-- Whom invitation $2 is to, if $3 is SHA-256 of its link's secret still: one that was sent once more has another.
select email from tenant.invitations where tenant_id = $1 and id = $2 and token_hash = sha256($3) and expires_at > now()
