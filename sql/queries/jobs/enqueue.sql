-- Writes a job down, unless another that has not ended has its unique key. Null in $9 is at once.
-- No key is named and nothing answered: either would ask for jobs:read, which whoever causes a job need not hold.
-- $2 id uuid = {new}
-- $3 kind text = 'jobs.forget'
-- $4 payload jsonb = '{}'
-- $5 version smallint = 1
-- $6 priority smallint = 1
-- $7 unique_key text = null
-- $8 order_key text = null
-- $9 run_at timestamptz = null
-- $10 max_attempts smallint = 3
-- $11 created_by uuid = null
insert into tenant.jobs (tenant_id, id, kind, payload, payload_version, priority, unique_key, order_key, run_at, max_attempts, created_by)
values ($1, $2, $3, $4, $5, $6, $7, $8, coalesce($9, now()), $10, $11)
on conflict do nothing
