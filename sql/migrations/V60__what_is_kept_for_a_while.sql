-- What is kept for a while and then forgotten, by jobs in each tenant and by a door for accounts (docs/jobs.md, docs/events.md).
set local role rowhouse_migrator;
insert into registry.job_kinds (kind, permissions, asks) values
    ('idempotency_keys.forget', '{idempotency_keys:forget}', 'jobs:write'),
    ('notifications.forget', '{notifications:forget}', 'jobs:write'),
    ('events.forget', '{events:read,events:forget}', 'jobs:write');
set local role rowhouse_owner;

-- How far a tenant's events are forgotten: whoever has read no further than that may have missed some. No row, where none are.
create table tenant.event_floors (
    tenant_id uuid   not null constraint event_floors_pkey primary key
              constraint event_floors_tenant_fkey references registry.tenants (id),
    -- The place of the last one that is gone, in the order in which they are read.
    epoch     bigint not null,
    xid       bigint not null,
    event_id  uuid   not null
);
