-- The first time.
insert into tenant.event_consumers (tenant_id, consumer) values ($1, 'webhooks') on conflict do nothing
