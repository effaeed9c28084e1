-- Tickets with which a WebSocket is opened (docs/live.md): each is good once and for half a minute. What a ticket says is locked with the servers'
-- secret; that it has not been used, a row says.
create table tenant.tickets (
    tenant_id  uuid        not null,
    -- Whose it is, a member's or an API key's, and with whom it goes.
    user_id    uuid,
    api_key_id uuid,
    principal  uuid        not null generated always as (coalesce(user_id, api_key_id)) stored,
    id         uuid        not null,
    expires_at timestamptz not null default now() + interval '30 seconds',
    constraint tickets_pkey primary key (tenant_id, principal, id),
    constraint tickets_user_fkey foreign key (tenant_id, user_id)
        references tenant.memberships (tenant_id, user_id) on delete cascade,
    constraint tickets_api_key_fkey foreign key (tenant_id, api_key_id)
        references tenant.api_keys (tenant_id, id) on delete cascade
);
create index tickets_expiry_idx on tenant.tickets (tenant_id, principal, expires_at);
-- For the two cascades.
create index tickets_user_idx on tenant.tickets (tenant_id, user_id);
create index tickets_api_key_idx on tenant.tickets (tenant_id, api_key_id);
