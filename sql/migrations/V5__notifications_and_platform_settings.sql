-- What else a tenant decides for itself, what the platform decides for all, and what people are told.

alter table tenant.settings
    -- The day that weeks of the dashboard begin with.
    add column week_starts         text    collate "C" not null default 'monday'
               constraint settings_week_starts_check check (week_starts in ('monday', 'sunday')),
    -- Units in stock at or below which a product is running low.
    add column low_stock_threshold integer not null default 5
               constraint settings_low_stock_threshold_check check (low_stock_threshold between 0 and 1000000);

-- What a member is told, by the system alone: sql/policies/tenant.notifications.sql says who writes and who reads. Titles
-- are English; a client that speaks otherwise goes by kind and data. It goes with the membership.
create table tenant.notifications (
    tenant_id  uuid        not null,
    user_id    uuid        not null,
    id         uuid        not null,
    kind       text        collate "C" not null
               constraint notifications_kind_check check (kind in (
                   'member.role_changed', 'member.joined', 'api_key.created', 'api_key.revoked',
                   'operation.succeeded', 'operation.failed')),
    title      text        not null constraint notifications_title_check check (char_length(title) between 1 and 300),
    body       text        constraint notifications_body_check check (char_length(body) <= 10000),
    -- Where it leads: a path below /api/v1.
    link       text        collate "C" constraint notifications_link_check check (link ~ '^/[!-~]*$' and char_length(link) <= 500),
    data       jsonb       constraint notifications_data_check check (jsonb_typeof(data) = 'object'),
    read_at    timestamptz,
    -- An id says when it was made (RFC 9562 §5.7).
    created_at timestamptz not null generated always as (
                   to_timestamp(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)) stored,
    -- Led by whose it is, so that a person's list, newest first, is the key itself.
    constraint notifications_pkey primary key (tenant_id, user_id, id),
    constraint notifications_user_fkey foreign key (tenant_id, user_id)
        references tenant.memberships (tenant_id, user_id) on delete cascade
);
-- The unread ones, newest first, and their number. The condition stands in the statements as it stands here, so a
-- generic plan finds it.
create index notifications_unread_idx on tenant.notifications (tenant_id, user_id, id) where read_at is null;

-- What whoever runs the platform has decided otherwise than the code does. A key that is not here has its default
-- (src/platform_settings.rs), and one that the check does not know is none.
create table registry.platform_settings (
    key         text        collate "C" not null constraint platform_settings_pkey primary key,
    value       jsonb       not null,
    -- Whether anybody may know, signed in or not.
    public      boolean     not null,
    description text        not null,
    updated_at  timestamptz not null default now(),
    constraint platform_settings_value_check check (
        case key
            when 'platform.name' then jsonb_typeof(value) = 'string' and char_length(value #>> '{}') between 1 and 100
            when 'platform.support_email' then jsonb_typeof(value) = 'string' and char_length(value #>> '{}') between 3 and 254
            when 'platform.maintenance_notice' then jsonb_typeof(value) = 'string' and char_length(value #>> '{}') between 1 and 1000
            when 'signup.open' then jsonb_typeof(value) = 'boolean'
            else false
        end)
);
