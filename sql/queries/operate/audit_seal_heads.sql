-- The heads of some seals ($2, by number) of a tenant ($1), to compare with those that were published.
select number, encode(head, 'hex') as head from tenant.audit_seals where tenant_id = $1 and number = any($2)
