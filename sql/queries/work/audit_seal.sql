-- Appends a seal to a tenant's chain. Two of one number cannot be.
insert into tenant.audit_seals (tenant_id, number, epoch, xid, row_id, rows, leaves, forgotten_through, sealed_at, head, signature, key_id)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
returning number
