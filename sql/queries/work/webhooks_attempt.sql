-- Writes a try down.
insert into tenant.webhook_attempts (tenant_id, id, delivery_id, permission, number, duration_ms, status, error, request, response)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
