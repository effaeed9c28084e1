-- Tickets that nobody used go with the keys of repeated requests, of whoever asks for no more of either (docs/jobs.md).
set local role rowhouse_migrator;
update registry.job_kinds set permissions = '{idempotency_keys:forget,tickets:forget}' where kind = 'idempotency_keys.forget';
set local role rowhouse_owner;
