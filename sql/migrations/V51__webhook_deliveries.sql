-- What each endpoint is to be sent, each try at it, and how far events have been read for that (docs/adr/0030).

-- How far somebody has read a tenant's events: everything up to there is done with.
create table tenant.event_consumers (
    tenant_id uuid   not null constraint event_consumers_tenant_fkey references registry.tenants (id),
    consumer  text   collate "C" not null constraint event_consumers_consumer_check check (consumer ~ '^[a-z_]+$'),
    epoch     bigint not null default 0,
    xid       bigint not null default 0,
    event_id  uuid   not null default '00000000-0000-0000-0000-000000000000',
    -- The microsecond that stands in the last id that was given out: ids go on in the order of events, whatever clocks do.
    moment    bigint not null default 0,
    constraint event_consumers_pkey primary key (tenant_id, consumer)
);

-- An event on its way to an endpoint. Its id is in the order in which the endpoint is to be told.
create table tenant.webhook_deliveries (
    tenant_id   uuid        not null,
    id          uuid        not null,
    endpoint_id uuid        not null,
    -- What is sent as webhook-id, the same each time, so that a receiver knows it again.
    event_id    uuid        not null,
    -- What whoever reads it has to hold, beside webhooks:read: the event's.
    permission  text        collate "C" not null,
    event_type  text        collate "C" not null default 'webhook.test' constraint webhook_deliveries_event_type_check check (event_type ~ '^[a-z_]+[.][a-z_]+$'),
    payload     text        not null constraint webhook_deliveries_payload_check check (octet_length(payload) <= 65536),
    -- Since it was last begun with.
    attempts    smallint    not null default 0 constraint webhook_deliveries_attempts_check check (attempts between 0 and 1000),
    state       text        collate "C" not null default 'waiting'
                constraint webhook_deliveries_state_check check (state in ('waiting', 'delivered', 'failed')),
    next_at     timestamptz not null default now() constraint webhook_deliveries_next_at_check check (isfinite(next_at)),
    last_status smallint    constraint webhook_deliveries_last_status_check check (last_status between 100 and 999),
    last_error  text        collate "C" constraint webhook_deliveries_last_error_check check (last_error ~ '^[a-z_]{1,40}$'),
    created_at  timestamptz not null default now(),
    finished_at timestamptz,
    constraint webhook_deliveries_pkey primary key (tenant_id, id),
    constraint webhook_deliveries_endpoint_fkey foreign key (tenant_id, endpoint_id)
        references tenant.webhook_endpoints (tenant_id, id) on delete cascade,
    -- Whoever reads an event twice has it sent once.
    constraint webhook_deliveries_event_key unique (tenant_id, endpoint_id, event_id),
    constraint webhook_deliveries_finished_check check ((finished_at is null) = (state = 'waiting'))
);
create index webhook_deliveries_due_idx on tenant.webhook_deliveries (tenant_id, endpoint_id, next_at, id) where state = 'waiting';
create index webhook_deliveries_list_idx on tenant.webhook_deliveries (tenant_id, endpoint_id, id);
create index webhook_deliveries_state_idx on tenant.webhook_deliveries (tenant_id, endpoint_id, state, id);
create index webhook_deliveries_finished_idx on tenant.webhook_deliveries (tenant_id, finished_at) where finished_at is not null;

-- One try at a delivery.
create table tenant.webhook_attempts (
    tenant_id   uuid        not null,
    at          timestamptz not null default clock_timestamp(),
    id          uuid        not null,
    delivery_id uuid        not null,
    -- As the delivery's.
    permission  text        collate "C" not null,
    -- The how manieth since the delivery was last begun with.
    number      smallint    not null constraint webhook_attempts_number_check check (number between 1 and 1000),
    duration_ms integer     not null constraint webhook_attempts_duration_check check (duration_ms >= 0),
    status      smallint    constraint webhook_attempts_status_check check (status between 100 and 999),
    -- Why it failed; null where it did not.
    error       text        collate "C" constraint webhook_attempts_error_check check (error ~ '^[a-z_]{1,40}$'),
    request     text        not null constraint webhook_attempts_request_check check (octet_length(request) <= 8192),
    response    text        not null default '' constraint webhook_attempts_response_check check (octet_length(response) <= 1024),
    constraint webhook_attempts_pkey primary key (tenant_id, at, id),
    constraint webhook_attempts_delivery_fkey foreign key (tenant_id, delivery_id)
        references tenant.webhook_deliveries (tenant_id, id) on delete cascade
);
create index webhook_attempts_delivery_idx on tenant.webhook_attempts (tenant_id, delivery_id, at, id);

set local role rowhouse_migrator;
insert into registry.job_kinds (kind, permissions, asks) values
    ('webhooks.relay', '{events:read,webhooks:relay,webhooks:write}', 'webhooks:write'),
    ('webhooks.deliver', '{webhooks:sign,webhooks:write}', 'webhooks:write'),
    ('webhooks.replay', '{events:read,webhooks:relay,webhooks:write}', 'webhooks:write'),
    ('webhooks.forget', '{webhooks:forget,webhooks:write}', 'webhooks:write');
set local role rowhouse_owner;

alter table tenant.notifications drop constraint notifications_kind_check;
alter table tenant.notifications add constraint notifications_kind_check check (kind in (
    'member.role_changed', 'member.joined', 'api_key.created', 'api_key.revoked', 'operation.succeeded', 'operation.failed',
    'webhook_endpoint.disabled')) not valid;
