-- What a POST with an Idempotency-Key answered, so that a repeated one is answered alike and done once. Written in the
-- transaction of the effect. docs/adr/0012.
create table tenant.idempotency_keys (
    tenant_id   uuid        not null,
    -- Who asked, a member or an API key, and with whom it goes.
    user_id     uuid,
    api_key_id  uuid,
    principal   uuid        not null generated always as (coalesce(user_id, api_key_id)) stored,
    key         text        collate "C" not null constraint idempotency_keys_key_check check (key ~ '^[ -~]{1,255}$'),
    -- SHA-256 of the request.
    fingerprint bytea       not null constraint idempotency_keys_fingerprint_check check (octet_length(fingerprint) = 32),
    -- Null within the transaction that acts, and never after it.
    status      smallint,
    -- Headers and body, locked with the servers' secret: an answer can hold an API key.
    answer      bytea,
    created_at  timestamptz not null default now(),
    expires_at  timestamptz not null default now() + interval '24 hours',
    constraint idempotency_keys_pkey primary key (tenant_id, principal, key),
    constraint idempotency_keys_user_fkey foreign key (tenant_id, user_id)
        references tenant.memberships (tenant_id, user_id) on delete cascade,
    constraint idempotency_keys_api_key_fkey foreign key (tenant_id, api_key_id)
        references tenant.api_keys (tenant_id, id) on delete cascade
);
create index idempotency_keys_expiry_idx on tenant.idempotency_keys (tenant_id, principal, expires_at);
-- For the two cascades.
create index idempotency_keys_user_idx on tenant.idempotency_keys (tenant_id, user_id);
create index idempotency_keys_api_key_idx on tenant.idempotency_keys (tenant_id, api_key_id);

-- The same for what a person does outside any tenant.
create table registry.idempotency_keys (
    user_id     uuid        not null constraint idempotency_keys_user_fkey references registry.users (id) on delete cascade,
    key         text        collate "C" not null constraint idempotency_keys_key_check check (key ~ '^[ -~]{1,255}$'),
    fingerprint bytea       not null constraint idempotency_keys_fingerprint_check check (octet_length(fingerprint) = 32),
    status      smallint,
    answer      bytea,
    created_at  timestamptz not null default now(),
    expires_at  timestamptz not null default now() + interval '24 hours',
    constraint idempotency_keys_pkey primary key (user_id, key)
);
create index idempotency_keys_expiry_idx on registry.idempotency_keys (user_id, expires_at);
