-- Tenants that have webhook endpoints, after $2, $3 of them at most, of those in $1 or of all; and whether they have events to be sent.
select b.tenant_id, b.behind from registry.webhooks_behind($1, $2, $3) b
