-- Tenants, their domains, people, memberships with roles, projects and tasks.
-- Migrations run as rowhouse_owner, who owns what they make. Policies and grants are not made here:
-- sql/policies holds one file a table, applied right after the migrations; until then nobody but the
-- owner reaches a table. A backfill says `set local role rowhouse_migrator`, the role no wall stops.

-- What the files produced when they were last applied; the views audit.catalog and audit.drift compare.
create table audit.applied (
    kind       text not null,
    object     text not null,
    definition text not null,
    primary key (kind, object)
);
create table audit.files (
    path       text        primary key,
    sha256     text        not null,
    applied_at timestamptz not null default now()
);

-- registry: what tenants share ----------------------------------------------------------------

-- The vocabulary of permissions. A role can hold no other word; see tenant.roles.
create table registry.permissions (
    name        text primary key check (name ~ '^[a-z]+(-[a-z]+)*:[a-z]+$'),
    description text not null
);

insert into registry.permissions (name, description) values
    ('tenant:read',     'See the tenant''s own record and domains'),
    ('members:read',    'See who belongs to the tenant'),
    ('roles:read',      'See the tenant''s roles and what they permit'),
    ('projects:read',   'List and open projects'),
    ('projects:write',  'Create and change projects'),
    ('projects:delete', 'Delete projects with their tasks'),
    ('tasks:read',      'List and open tasks'),
    ('tasks:write',     'Create and change tasks'),
    ('tasks:delete',    'Delete tasks');

-- The roles every tenant starts with; copied into tenant.roles when a tenant is made.
create table registry.built_in_roles (
    name        text   primary key,
    permissions text[] not null
);

insert into registry.built_in_roles (name, permissions)
select 'owner', array_agg(name order by name) from registry.permissions
union all
select 'admin', array_agg(name order by name) from registry.permissions
union all
select 'member', array_agg(name order by name) from registry.permissions where name <> 'projects:delete'
union all
select 'viewer', array_agg(name order by name) from registry.permissions where name like '%:read';

create table registry.tenants (
    id            uuid        primary key,
    -- A DNS label (RFC 1035 §2.3.1), because it is the tenant's subdomain.
    slug          text        collate "C" not null
                  constraint tenants_slug_key unique
                  constraint tenants_slug_check check (
                      slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'
                      and slug not in ('admin', 'api', 'app', 'mail', 'platform', 'static', 'status', 'www')),
    name          text        not null constraint tenants_name_check check (char_length(name) between 1 and 200),
    status        text        collate "C" not null default 'trial'
                  constraint tenants_status_check
                  check (status in ('trial', 'active', 'suspended', 'closing', 'closed')),
    trial_ends_at timestamptz,
    paid_until    timestamptz,
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    version       bigint      not null default 1,
    -- For memberships to carry the status; see there.
    constraint tenants_status_key unique (id, status)
);

-- A tenant's own host names. The subdomain of the platform's base domain is the slug and is not listed.
create table registry.domains (
    domain      text        collate "C" primary key
                constraint domains_domain_check check (domain = lower(domain) and char_length(domain) between 4 and 253),
    tenant_id   uuid        not null constraint domains_tenant_fkey references registry.tenants (id) on delete cascade,
    is_primary  boolean     not null default false,
    -- Null until the TXT record was seen; an unverified domain resolves to nobody.
    verified_at timestamptz,
    created_at  timestamptz not null default now()
);
create index domains_tenant_idx on registry.domains (tenant_id, domain);
create unique index domains_primary_key on registry.domains (tenant_id) where is_primary;

-- People are global; what they may do belongs to their memberships.
create table registry.users (
    id            uuid        primary key,
    email         text        collate "C" not null
                  constraint users_email_key unique
                  constraint users_email_check check (email = lower(email) and char_length(email) between 3 and 254),
    full_name     text        not null constraint users_full_name_check check (char_length(full_name) between 1 and 200),
    -- PHC string, Argon2id.
    password_hash text        not null,
    active        boolean     not null default true,
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    version       bigint      not null default 1,
    -- For memberships to carry the flag; see there.
    constraint users_active_key unique (id, active)
);

-- tenant: everything below is walled ----------------------------------------------------------

create table tenant.roles (
    tenant_id   uuid        not null constraint roles_tenant_fkey references registry.tenants (id),
    id          uuid        not null,
    name        text        collate "C" not null constraint roles_name_check check (char_length(name) between 1 and 60),
    permissions text[]      not null,
    built_in    boolean     not null default false,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    version     bigint      not null default 1,
    constraint roles_pkey primary key (tenant_id, id),
    constraint roles_name_key unique (tenant_id, name),
    -- For memberships to carry the permissions; see there.
    constraint roles_permissions_key unique (tenant_id, id, permissions)
);

-- The row that registry.require reads at every statement, so it carries all that the answer needs. The
-- three foreign keys with `on update cascade` keep what it carries equal to where it comes from: no
-- trigger, no moment in between, and a row that says something else cannot be written. docs/adr/0002.
create table tenant.memberships (
    tenant_id      uuid        not null,
    user_id        uuid        not null,
    role_id        uuid        not null,
    permissions    text[]      not null,
    tenant_status  text        collate "C" not null,
    account_active boolean     not null,
    created_at     timestamptz not null default now(),
    updated_at     timestamptz not null default now(),
    version        bigint      not null default 1,
    constraint memberships_pkey primary key (tenant_id, user_id),
    constraint memberships_tenant_fkey foreign key (tenant_id, tenant_status)
        references registry.tenants (id, status) on update cascade,
    constraint memberships_user_fkey foreign key (user_id, account_active)
        references registry.users (id, active) on update cascade,
    constraint memberships_role_fkey foreign key (tenant_id, role_id, permissions)
        references tenant.roles (tenant_id, id, permissions) on update cascade
);
-- For "my tenants", which asks by user alone, through its door, and for the cascade from users.
create index memberships_user_idx on tenant.memberships (user_id, tenant_id);
create index memberships_role_idx on tenant.memberships (tenant_id, role_id);

create table tenant.projects (
    tenant_id   uuid        not null constraint projects_tenant_fkey references registry.tenants (id),
    id          uuid        not null,
    -- Collation "C": one order on every machine, and a cursor keeps its meaning when ICU is upgraded.
    name        text        collate "C" not null
                constraint projects_name_check check (char_length(name) between 1 and 200),
    description text        constraint projects_description_check check (char_length(description) <= 10000),
    status      text        collate "C" not null default 'active'
                constraint projects_status_check check (status in ('planned', 'active', 'paused', 'completed', 'archived')),
    owner_id    uuid,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    version     bigint      not null default 1,
    constraint projects_pkey primary key (tenant_id, id),
    constraint projects_name_key unique (tenant_id, name),
    -- Only owner_id is cleared when the member leaves: clearing the whole key would clear the tenant.
    constraint projects_owner_fkey foreign key (tenant_id, owner_id)
        references tenant.memberships (tenant_id, user_id) on delete set null (owner_id)
);
-- One index for each (filter, sort) the list offers; newest first is the primary key itself, and by
-- name is the unique key. docs/adding-a-resource.md says how to choose them, tests/api/plans.rs checks.
create index projects_status_id_idx on tenant.projects (tenant_id, status, id);
create index projects_status_name_idx on tenant.projects (tenant_id, status, name);
create index projects_owner_idx on tenant.projects (tenant_id, owner_id);

create table tenant.project_tasks (
    tenant_id  uuid        not null constraint project_tasks_tenant_fkey references registry.tenants (id),
    id         uuid        not null,
    project_id uuid        not null,
    name       text        collate "C" not null
               constraint project_tasks_name_check check (char_length(name) between 1 and 200),
    status     text        collate "C" not null default 'open'
               constraint project_tasks_status_check check (status in ('open', 'in_progress', 'done')),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version    bigint      not null default 1,
    constraint project_tasks_pkey primary key (tenant_id, id),
    constraint project_tasks_project_fkey foreign key (tenant_id, project_id)
        references tenant.projects (tenant_id, id) on delete cascade
);
create index project_tasks_project_id_idx on tenant.project_tasks (tenant_id, project_id, id);
create index project_tasks_project_status_id_idx on tenant.project_tasks (tenant_id, project_id, status, id);
create index project_tasks_project_name_idx on tenant.project_tasks (tenant_id, project_id, name, id);
create index project_tasks_project_status_name_idx on tenant.project_tasks (tenant_id, project_id, status, name, id);
-- A project implies its tenant. Without being told, the planner multiplies the two and expects one task a
-- project, and for one row any index is as good as the one that is in the order of the page.
create statistics tenant.project_tasks_tenant_of_project (dependencies)
    on tenant_id, project_id from tenant.project_tasks;
