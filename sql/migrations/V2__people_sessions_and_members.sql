-- People from sign-up to revocation: sessions, second factors, invitations, API keys, domains with proof.
-- A column that names a tenant outside schema tenant is called acts_in or founder's: `tenant_id` is the word
-- for "this row is the tenant's", and whatever has it is walled.

-- registry: people ------------------------------------------------------------------------------

alter table registry.users
    -- Null until a link sent to the address was used; until then nobody signs in.
    add column email_verified_at timestamptz,
    -- Whether the password is too short to be the only factor; see sql/policies/registry.totp.sql.
    add column leans_on_second_factor boolean not null default false,
    -- For memberships to carry who it is; see there.
    add constraint users_member_key unique (id, active, email, full_name);

set local role rowhouse_migrator;
update registry.users set email_verified_at = created_at;
set local role rowhouse_owner;

-- Who runs the platform. Operators hold nothing inside a tenant.
create table registry.operators (
    user_id    uuid        primary key constraint operators_user_fkey references registry.users (id) on delete cascade,
    created_at timestamptz not null default now()
);

-- One sign-in on one device. Every request names its session and the database looks whether it is still
-- there, so deleting the row ends it at the next statement.
create table registry.sessions (
    id               uuid        not null,
    user_id          uuid        not null constraint sessions_user_fkey references registry.users (id) on delete cascade,
    -- The tenant its tokens are issued for. It opens nothing: membership is asked at each statement.
    acts_in          uuid        constraint sessions_acts_in_fkey references registry.tenants (id) on delete set null (acts_in),
    -- bearer: access and refresh tokens; browser: a cookie.
    kind             text        collate "C" not null constraint sessions_kind_check check (kind in ('bearer', 'browser')),
    -- What the client calls itself, and where it came from: for its owner to recognise.
    device           text        constraint sessions_device_check check (char_length(device) <= 300),
    address          text        collate "C" constraint sessions_address_check check (char_length(address) <= 45),
    created_at       timestamptz not null default now(),
    -- When password (and second factor) were last given; what is sensitive asks that it was lately.
    authenticated_at timestamptz not null default now(),
    last_used_at     timestamptz not null default now(),
    -- Over when unused until then, and over at the latest then.
    idle_until       timestamptz not null,
    expires_at       timestamptz not null,
    -- Led by whose it is, as a tenant's keys are led by the tenant.
    constraint sessions_pkey primary key (user_id, id)
);

-- Opaque tokens, each good for one rotation; only SHA-256 is kept (RFC 9700 §4.14). A used one remembers its
-- successor, sealed under itself: whoever presents it again within the grace is given the same.
create table registry.refresh_tokens (
    token_hash       bytea       primary key constraint refresh_tokens_hash_check check (octet_length(token_hash) = 32),
    user_id          uuid        not null,
    session_id       uuid        not null,
    created_at       timestamptz not null default now(),
    used_at          timestamptz,
    successor_hash   bytea,
    successor_sealed bytea,
    constraint refresh_tokens_session_fkey foreign key (user_id, session_id)
        references registry.sessions (user_id, id) on delete cascade
);
create index refresh_tokens_session_idx on registry.refresh_tokens (user_id, session_id);

-- Links sent by e-mail: single use, one of a kind per person, the newest alone is good.
create table registry.mail_tokens (
    token_hash bytea       primary key constraint mail_tokens_hash_check check (octet_length(token_hash) = 32),
    user_id    uuid        not null constraint mail_tokens_user_fkey references registry.users (id) on delete cascade,
    purpose    text        collate "C" not null
               constraint mail_tokens_purpose_check check (purpose in ('verify_email', 'reset_password', 'change_email')),
    -- The address it was sent to, which using it proves.
    email      text        collate "C" not null constraint mail_tokens_email_check check (email = lower(email)),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    constraint mail_tokens_user_key unique (user_id, purpose)
);

-- Second factor: time-based one-time passwords (RFC 6238). The secret is sealed by the server's own key.
create table registry.totp (
    user_id       uuid        primary key constraint totp_user_fkey references registry.users (id) on delete cascade,
    secret_sealed bytea       not null,
    -- Null until a first code was given; until then it is not asked for.
    confirmed_at  timestamptz,
    -- The time step of the last code that was accepted: no step is good twice (RFC 6238 §5.2).
    last_step     bigint      not null default 0,
    created_at    timestamptz not null default now()
);
create table registry.recovery_codes (
    user_id    uuid        not null constraint recovery_codes_user_fkey references registry.totp (user_id) on delete cascade,
    code_hash  bytea       not null constraint recovery_codes_hash_check check (octet_length(code_hash) = 32),
    created_at timestamptz not null default now(),
    primary key (user_id, code_hash)
);

-- Tries that may be guesses, by SHA-256 of what they are about: an account's address, a network address.
create table registry.attempts (
    subject       bytea       primary key constraint attempts_subject_check check (octet_length(subject) = 32),
    failures      integer     not null,
    last_at       timestamptz not null,
    blocked_until timestamptz not null
);
create index attempts_last_idx on registry.attempts (last_at);

-- What happened to an account, for its owner to see; written by the database, never changed.
create table registry.account_events (
    user_id    uuid        not null constraint account_events_user_fkey references registry.users (id) on delete cascade,
    id         uuid        not null default gen_random_uuid(),
    kind       text        collate "C" not null
               constraint account_events_kind_check check (kind in (
                   'signed_up', 'signed_in', 'session_ended', 'refresh_token_replayed', 'password_changed', 'password_reset',
                   'email_changed', 'second_factor_added', 'second_factor_removed', 'recovery_code_used')),
    session_id uuid,
    address    text        collate "C",
    created_at timestamptz not null default now(),
    primary key (user_id, created_at, id)
);

-- registry: tenants -----------------------------------------------------------------------------

alter table registry.tenants
    add column founder_id uuid constraint tenants_founder_fkey references registry.users (id) on delete set null (founder_id);
create index tenants_founder_idx on registry.tenants (founder_id);

-- A claim to a domain is a tenant's own, and says nothing: several may claim the same. What resolves is
-- registry.hosts, written by a door once the claim's TXT record was seen.
alter table registry.domains drop constraint domains_pkey;
alter table registry.domains
    add column id         uuid,
    add column challenge  text collate "C",
    add column checked_at timestamptz,
    add constraint domains_domain_key unique (tenant_id, domain);
drop index registry.domains_tenant_idx;

create table registry.hosts (
    domain    text collate "C" primary key,
    tenant_id uuid not null,
    constraint hosts_domain_fkey foreign key (tenant_id, domain)
        references registry.domains (tenant_id, domain) on delete cascade
);
create index hosts_tenant_idx on registry.hosts (tenant_id, domain);

set local role rowhouse_migrator;
update registry.domains
set id = gen_random_uuid(), challenge = replace(gen_random_uuid()::text, '-', ''), checked_at = verified_at;
insert into registry.hosts (domain, tenant_id) select domain, tenant_id from registry.domains where verified_at is not null;
set local role rowhouse_owner;

alter table registry.domains
    alter column id set not null,
    alter column challenge set not null,
    add constraint domains_pkey primary key (tenant_id, id);

-- tenant: permissions and roles -----------------------------------------------------------------

insert into registry.permissions (name, description) values
    ('tenant:write',       'Rename the tenant'),
    ('tenant:delete',      'Close the tenant'),
    ('domains:write',      'Claim and verify domains'),
    ('domains:delete',     'Give domains up'),
    ('members:write',      'Give members another role'),
    ('members:delete',     'Remove members'),
    ('roles:write',        'Make and change roles'),
    ('roles:delete',       'Delete roles'),
    ('invitations:read',   'See who is invited'),
    ('invitations:write',  'Invite people'),
    ('invitations:delete', 'Take invitations back'),
    ('api-keys:read',      'See the tenant''s API keys'),
    ('api-keys:write',     'Make and rotate API keys'),
    ('api-keys:delete',    'Revoke API keys');

-- An owner alone may close the tenant, so nobody else holds all that an owner does: see no_more_than_held.
update registry.built_in_roles
set permissions = (select array_agg(p.name order by p.name) from registry.permissions p
                   where built_in_roles.name = 'owner' or p.name <> 'tenant:delete')
where name in ('owner', 'admin');

set local role rowhouse_migrator;
update tenant.roles r set permissions = b.permissions
from registry.built_in_roles b
where r.built_in and b.name = r.name;
set local role rowhouse_owner;

-- A membership carries who it is as it carries what it may: a list of members is one index, and members
-- see each other's names without anyone being let into registry.users. docs/adr/0008.
alter table tenant.memberships
    add column email     text collate "C",
    add column full_name text;
set local role rowhouse_migrator;
update tenant.memberships m set email = u.email, full_name = u.full_name from registry.users u where u.id = m.user_id;
set local role rowhouse_owner;
alter table tenant.memberships
    alter column email set not null,
    alter column full_name set not null,
    drop constraint memberships_user_fkey,
    add constraint memberships_user_fkey foreign key (user_id, account_active, email, full_name)
        references registry.users (id, active, email, full_name) on update cascade;
alter table registry.users drop constraint users_active_key;
create index memberships_email_idx on tenant.memberships (tenant_id, email);
create index memberships_role_email_idx on tenant.memberships (tenant_id, role_id, email);
drop index tenant.memberships_role_idx;

-- Who may become a member, and as what. Accepting or taking it back deletes the row. Only SHA-256 of the
-- token is kept; it is found by (tenant_id, id), which the token carries.
create table tenant.invitations (
    tenant_id   uuid        not null constraint invitations_tenant_fkey references registry.tenants (id),
    id          uuid        not null,
    email       text        collate "C" not null
                constraint invitations_email_check check (email = lower(email) and char_length(email) between 3 and 254),
    role_id     uuid        not null,
    permissions text[]      not null,
    token_hash  bytea       not null constraint invitations_token_check check (octet_length(token_hash) = 32),
    invited_by  uuid,
    expires_at  timestamptz not null,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    version     bigint      not null default 1,
    constraint invitations_pkey primary key (tenant_id, id),
    constraint invitations_email_key unique (tenant_id, email),
    constraint invitations_role_fkey foreign key (tenant_id, role_id, permissions)
        references tenant.roles (tenant_id, id, permissions) on update cascade,
    -- Goes with whoever invited: a member who is removed leaves no way back in behind.
    constraint invitations_invited_by_fkey foreign key (tenant_id, invited_by)
        references tenant.memberships (tenant_id, user_id) on delete cascade
);
create index invitations_role_idx on tenant.invitations (tenant_id, role_id);
create index invitations_invited_by_idx on tenant.invitations (tenant_id, invited_by);

-- Principals that are the tenant's and no person's. Like a membership, a key carries the tenant's status.
create table tenant.api_keys (
    tenant_id      uuid        not null,
    id             uuid        not null,
    name           text        collate "C" not null constraint api_keys_name_check check (char_length(name) between 1 and 100),
    permissions    text[]      not null,
    tenant_status  text        collate "C" not null,
    secret_hash    bytea       not null constraint api_keys_secret_check check (octet_length(secret_hash) = 32),
    -- After a rotation the old secret stays good until then.
    previous_hash  bytea,
    previous_until timestamptz,
    -- The key's last characters, to tell one from another.
    hint           text        collate "C" not null constraint api_keys_hint_check check (char_length(hint) <= 8),
    created_by     uuid,
    expires_at     timestamptz,
    last_used_at   timestamptz,
    created_at     timestamptz not null default now(),
    updated_at     timestamptz not null default now(),
    version        bigint      not null default 1,
    constraint api_keys_pkey primary key (tenant_id, id),
    constraint api_keys_name_key unique (tenant_id, name),
    constraint api_keys_tenant_fkey foreign key (tenant_id, tenant_status)
        references registry.tenants (id, status) on update cascade,
    constraint api_keys_created_by_fkey foreign key (tenant_id, created_by)
        references tenant.memberships (tenant_id, user_id) on delete set null (created_by)
);
create index api_keys_created_by_idx on tenant.api_keys (tenant_id, created_by);
