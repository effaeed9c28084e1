-- What a tenant may by its plan (docs/billing.md, docs/adr/0038).
set local role rowhouse_migrator;
select registry.give('billing:read', 'See plan, limits, usage and what is owed', array['owner', 'admin']);
select registry.give('billing:manage', 'Choose a plan, cancel it, and pay', array['owner']);
set local role rowhouse_owner;

-- A plan, in one version of it. What changes is another version: whoever is on one keeps what they have agreed to.
create table registry.plans (
    code       text        collate "C" not null constraint plans_code_check check (code ~ '^[a-z][a-z0-9-]{0,39}$'),
    version    smallint    not null constraint plans_version_check check (version > 0),
    name       text        not null constraint plans_name_check check (char_length(name) between 1 and 100),
    -- What it lets a tenant do beside what every plan does.
    features   text[]      collate "C" not null default '{}'
               constraint plans_features_check check (features <@ array['custom_roles', 'domains', 'exports', 'webhooks']),
    -- Of what how many; what is not named is as many as they like, but for requests a minute and a month: as the platform says.
    limits     jsonb       not null default '{}'
               constraint plans_limits_check check (
                   jsonb_typeof(limits) = 'object' and not jsonb_path_exists(limits, '$.* ? (@.type() != "number" || @ < 0 || @ > 1000000000000000 || @.floor() != @)')
                   and limits - array['api_keys', 'members', 'principal_per_minute', 'products', 'projects', 'storage_bytes',
                                      'tenant_per_minute', 'tenant_per_month', 'webhook_endpoints'] = '{}'),
    trial_days smallint    not null default 14 constraint plans_trial_days_check check (trial_days between 0 and 365),
    -- Whether a tenant may choose it; others are given by whoever runs the platform.
    listed     boolean     not null default true,
    -- What a tenant begins with.
    is_default boolean     not null default false,
    -- Nobody is put on it any more; whoever is on it stays.
    retired_at timestamptz,
    created_at timestamptz not null default now(),
    constraint plans_pkey primary key (code, version),
    constraint plans_default_check check (not (is_default and retired_at is not null))
);
create unique index plans_default_key on registry.plans (is_default) where is_default;

-- What a version of a plan costs a period, in minor units of a currency.
create table registry.plan_prices (
    code         text     collate "C" not null,
    version      smallint not null,
    period       text     collate "C" not null constraint plan_prices_period_check check (period in ('month', 'year')),
    currency     text     collate "C" not null constraint plan_prices_currency_check check (currency ~ '^[A-Z]{3}$'),
    amount_minor bigint   not null constraint plan_prices_amount_check check (amount_minor between 0 and 1000000000000),
    constraint plan_prices_pkey primary key (code, version, period, currency),
    constraint plan_prices_plan_fkey foreign key (code, version) references registry.plans (code, version)
);

-- All there is, for nothing: a house that sells no plans goes on as it did.
insert into registry.plans (code, version, name, features, trial_days, is_default)
values ('free', 1, 'Free', '{custom_roles,domains,exports,webhooks}', 14, true);
insert into registry.plan_prices (code, version, period, currency, amount_minor) values ('free', 1, 'month', 'EUR', 0);

-- What one tenant has beside its plan, or has not; decided by whoever runs the platform.
create table registry.plan_overrides (
    tenant_id  uuid        not null constraint plan_overrides_pkey primary key
               constraint plan_overrides_tenant_fkey references registry.tenants (id),
    features   text[]      collate "C" not null default '{}'
               constraint plan_overrides_features_check check (features <@ array['custom_roles', 'domains', 'exports', 'webhooks']),
    without    text[]      collate "C" not null default '{}'
               constraint plan_overrides_without_check check (without <@ array['custom_roles', 'domains', 'exports', 'webhooks']),
    -- In place of the plan's; null is as many as they like.
    limits     jsonb       not null default '{}'
               constraint plan_overrides_limits_check check (
                   jsonb_typeof(limits) = 'object'
                   and not jsonb_path_exists(limits, '$.* ? (@.type() != "null" && (@.type() != "number" || @ < 0 || @ > 1000000000000000 || @.floor() != @))')
                   and limits - array['api_keys', 'members', 'principal_per_minute', 'products', 'projects', 'storage_bytes',
                                      'tenant_per_minute', 'tenant_per_month', 'webhook_endpoints'] = '{}'),
    note       text        not null default '' constraint plan_overrides_note_check check (char_length(note) <= 500),
    updated_at timestamptz not null default now()
);

-- Which plan a tenant is on, and what has become of it: one that has not ended, and those that have.
create table tenant.subscriptions (
    tenant_id            uuid        not null constraint subscriptions_tenant_fkey references registry.tenants (id) on delete cascade,
    id                   uuid        not null,
    -- No foreign key: plans are the same in every cell, and a trigger keeps them (registry.keep_plan).
    plan                 text        collate "C" not null,
    plan_version         smallint    not null,
    period               text        collate "C" not null constraint subscriptions_period_check check (period in ('month', 'year')),
    currency             text        collate "C" not null constraint subscriptions_currency_check check (currency ~ '^[A-Z]{3}$'),
    -- A period's price, as that version of the plan has it.
    amount_minor         bigint      not null constraint subscriptions_amount_check check (amount_minor >= 0),
    state                text        collate "C" not null
                         constraint subscriptions_state_check
                         check (state in ('trialing', 'active', 'past_due', 'grace', 'suspended', 'canceled')),
    state_since          timestamptz not null default now(),
    trial_ends_at        timestamptz,
    -- The first period's begin, which those that follow are reckoned from: whoever begins on the 31st pays on the last day of short months.
    anchor_at            timestamptz,
    period_starts_at     timestamptz,
    -- Null where nothing is to be paid, which goes on until somebody changes it.
    period_ends_at       timestamptz,
    -- When the clock moves it on from where it is: past_due, grace, suspended.
    state_ends_at        timestamptz,
    cancel_at_period_end boolean     not null default false,
    -- What it is on from the next period, where that is something else.
    next_plan            text        collate "C",
    next_plan_version    smallint,
    next_period          text        collate "C" constraint subscriptions_next_period_check check (next_period in ('month', 'year')),
    next_currency        text        collate "C" constraint subscriptions_next_currency_check check (next_currency ~ '^[A-Z]{3}$'),
    -- When the clock has something to say next.
    due_at               timestamptz,
    canceled_at          timestamptz,
    created_at           timestamptz not null default now(),
    updated_at           timestamptz not null default now(),
    version              bigint      not null default 1,
    constraint subscriptions_pkey primary key (tenant_id, id),
    constraint subscriptions_trial_check check (state <> 'trialing' or trial_ends_at is not null),
    constraint subscriptions_state_ends_check check ((state_ends_at is not null) = (state in ('past_due', 'grace', 'suspended'))),
    constraint subscriptions_canceled_check check ((canceled_at is not null) = (state = 'canceled')),
    constraint subscriptions_next_check check (num_nulls(next_plan, next_plan_version, next_period, next_currency) in (0, 4)),
    constraint subscriptions_due_check check (due_at is not distinct from
        case state when 'trialing' then trial_ends_at when 'active' then period_ends_at when 'past_due' then least(period_ends_at, state_ends_at)
                   when 'canceled' then null else state_ends_at end)
);
create unique index subscriptions_one_key on tenant.subscriptions (tenant_id) where state <> 'canceled';
-- registry.advance_due looks whose clock has something to say.
create index subscriptions_due_idx on tenant.subscriptions (due_at) where due_at is not null;

-- What a tenant has a right to: one row, worked out from plan, overrides and state (registry.derive_entitlements) whenever one of them changes.
create table tenant.entitlements (
    tenant_id    uuid        not null constraint entitlements_pkey primary key
                 constraint entitlements_tenant_fkey references registry.tenants (id) on delete cascade,
    plan         text        collate "C" not null,
    plan_version smallint    not null,
    plan_name    text        not null,
    features     text[]      collate "C" not null,
    limits       jsonb       not null,
    access       text        collate "C" not null
                 constraint entitlements_access_check check (access in ('full', 'read_only', 'billing_only')),
    updated_at   timestamptz not null default now(),
    version      bigint      not null default 1
);

-- Those that are there: on trial as long as they were promised, or else on what costs nothing. Whoever is founded before the trigger is there
-- gets theirs in sql/apply/generations.sql.
set local role rowhouse_migrator;
insert into tenant.subscriptions (tenant_id, id, plan, plan_version, period, currency, amount_minor, state, trial_ends_at, due_at, anchor_at, period_starts_at)
select t.id,
       -- As registry.new_id makes them, which is not there yet in a database that begins.
       (lpad(to_hex((extract(epoch from now()) * 1000)::bigint), 12, '0') || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid,
       'free', 1, 'month', 'EUR', 0,
       case t.status when 'trial' then 'trialing' else 'active' end,
       case t.status when 'trial' then coalesce(t.trial_ends_at, t.created_at + interval '14 days') end,
       case t.status when 'trial' then coalesce(t.trial_ends_at, t.created_at + interval '14 days') end,
       case when t.status <> 'trial' then now() end, case when t.status <> 'trial' then now() end
from registry.tenants t;
insert into tenant.entitlements (tenant_id, plan, plan_version, plan_name, features, limits, access)
select t.id, p.code, p.version, p.name, p.features, p.limits, 'full'
from registry.tenants t, registry.plans p where p.is_default;
set local role rowhouse_owner;
