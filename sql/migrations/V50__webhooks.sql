-- What happens is told to receivers of the tenant's own (docs/webhooks.md, docs/adr/0030).
set local role rowhouse_migrator;
select registry.give('webhooks:read', 'See webhook endpoints and what was sent to them', array['owner', 'admin']);
select registry.give('webhooks:write', 'Change webhook endpoints, test them and send again', array['owner', 'admin']);
set local role rowhouse_owner;

create table tenant.webhook_endpoints (
    tenant_id     uuid        not null constraint webhook_endpoints_tenant_fkey references registry.tenants (id),
    id            uuid        not null,
    url           text        not null constraint webhook_endpoints_url_check check (url ~ '^https?://' and octet_length(url) <= 2000),
    description   text        not null default '' constraint webhook_endpoints_description_check check (char_length(description) <= 500),
    -- Of which types it is told; none named is all.
    event_types   text[]      collate "C" not null default '{}' constraint webhook_endpoints_event_types_check check (cardinality(event_types) <= 100),
    -- What it may be told of: as with an API key, none that whoever configured it does not hold.
    permissions   text[]      collate "C" not null,
    -- One after another, in the order in which they happened.
    ordered       boolean     not null default false,
    state         text        collate "C" not null default 'enabled'
                  constraint webhook_endpoints_state_check check (state in ('enabled', 'disabled')),
    disabled_why  text        collate "C" constraint webhook_endpoints_disabled_why_check check (disabled_why in ('by_hand', 'gone', 'failing')),
    disabled_at   timestamptz,
    -- Since when there has been nothing but failures.
    failing_since timestamptz,
    -- What was told before is none of its business: transactions that had ended when it was made, or enabled again.
    -- registry.begin_telling says it.
    since_epoch   bigint      not null default 0,
    since_xid     bigint      not null default 0,
    -- The member who made it; null for an API key.
    created_by    uuid,
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    version       bigint      not null default 1,
    constraint webhook_endpoints_pkey primary key (tenant_id, id),
    constraint webhook_endpoints_disabled_check
        check ((disabled_why is null) = (state = 'enabled') and (disabled_at is null) = (state = 'enabled'))
);

-- In a table of their own: whoever reads endpoints has no business with what signs.
create table tenant.webhook_secrets (
    tenant_id   uuid        not null,
    endpoint_id uuid        not null,
    id          uuid        not null,
    -- Locked with the servers' key; the database cannot open it.
    sealed      bytea       not null constraint webhook_secrets_sealed_check check (octet_length(sealed) between 28 and 200),
    -- The same for the same secret, and nothing else to whoever does not have the servers' key.
    fingerprint bytea       not null constraint webhook_secrets_fingerprint_check check (octet_length(fingerprint) = 32),
    created_at  timestamptz not null default now(),
    -- Null for the one in use; another signs beside it until then.
    expires_at  timestamptz,
    constraint webhook_secrets_pkey primary key (tenant_id, endpoint_id, id),
    constraint webhook_secrets_endpoint_fkey foreign key (tenant_id, endpoint_id)
        references tenant.webhook_endpoints (tenant_id, id) on delete cascade,
    -- Whoever knows the secret of one endpoint does not know another's.
    constraint webhook_secrets_fingerprint_key unique (tenant_id, fingerprint)
);
create unique index webhook_secrets_one_in_use on tenant.webhook_secrets (tenant_id, endpoint_id) where expires_at is null;
