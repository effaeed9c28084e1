-- Work that is written down in the transaction that causes it and done afterwards by a worker (docs/jobs.md, docs/adr/0027).
set local role rowhouse_migrator;
select registry.give('jobs:read', 'See jobs', array['owner', 'admin']);
select registry.give('jobs:write', 'Retry, discard and cancel jobs', array['owner', 'admin']);
set local role rowhouse_owner;

-- What each kind of job may do, and what whoever causes one has to hold; null is membership alone. The same for every tenant.
create table registry.job_kinds (
    kind        text   collate "C" not null constraint job_kinds_pkey primary key
                       constraint job_kinds_kind_check check (kind ~ '^[a-z][a-z_]*(\.[a-z][a-z_]*)+$' and octet_length(kind) <= 100),
    permissions text[] collate "C" not null default '{}',
    asks        text   collate "C"
);
insert into registry.job_kinds (kind, permissions, asks) values ('jobs.forget', '{jobs:forget}', 'jobs:write');

-- One row a tenant: from when on it waits for a turn; infinity where it has nothing to do.
create table tenant.job_heads (
    tenant_id     uuid        not null,
    tenant_status text        collate "C" not null,
    ready_at      timestamptz not null default 'infinity',
    -- How many quanta of jobs one turn is.
    weight        smallint    not null default 1 constraint job_heads_weight_check check (weight between 1 and 100),
    constraint job_heads_pkey primary key (tenant_id),
    constraint job_heads_tenant_fkey foreign key (tenant_id, tenant_status)
        references registry.tenants (id, status) on update cascade
);
create index job_heads_ready_idx on tenant.job_heads (ready_at) where tenant_status in ('trial', 'active');

create table tenant.jobs (
    tenant_id       uuid        not null constraint jobs_tenant_fkey references tenant.job_heads (tenant_id),
    id              uuid        not null,
    kind            text        collate "C" not null
                    constraint jobs_kind_check check (kind ~ '^[a-z][a-z_]*(\.[a-z][a-z_]*)+$' and octet_length(kind) <= 100),
    payload         jsonb       not null default '{}'
                    constraint jobs_payload_check check (jsonb_typeof(payload) = 'object' and octet_length(payload::text) <= 65536),
    payload_version smallint    not null default 1 constraint jobs_payload_version_check check (payload_version > 0),
    -- 0 before 1 before 2.
    priority        smallint    not null default 1 constraint jobs_priority_check check (priority between 0 and 2),
    -- Of those that have not ended, one alone has it.
    unique_key      text        collate "C" constraint jobs_unique_key_check check (octet_length(unique_key) between 1 and 300),
    -- Those of one are done one after another, in the order of their ids.
    order_key       text        collate "C" constraint jobs_order_key_check check (octet_length(order_key) between 1 and 300),
    cancelling      boolean     not null default false,
    state           text        collate "C" not null default 'waiting'
                    constraint jobs_state_check check (state in ('waiting', 'running', 'succeeded', 'dead', 'cancelled', 'discarded')),
    run_at          timestamptz not null default now(),
    attempts        smallint    not null default 0,
    max_attempts    smallint    not null default 1 constraint jobs_max_attempts_check check (max_attempts between 1 and 100),
    -- The fence: who holds the job knows it, and it is another at each attempt.
    lease           uuid,
    lease_until     timestamptz,
    alive_at        timestamptz,
    done            bigint      not null default 0 constraint jobs_done_check check (done >= 0),
    total           bigint      constraint jobs_total_check check (total >= 0),
    result          jsonb       constraint jobs_result_check check (octet_length(result::text) <= 65536),
    -- Why the last attempt failed: a word and a short text of the handler's, never what a database or another server said.
    error_code      text        collate "C" constraint jobs_error_code_check check (error_code ~ '^[a-z][a-z0-9_]{0,62}$'),
    error           text        constraint jobs_error_check check (char_length(error) <= 500),
    -- The member who caused it; null for an API key and for the house.
    created_by      uuid,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    finished_at     timestamptz,
    version         bigint      not null default 1,
    constraint jobs_pkey primary key (tenant_id, id),
    constraint jobs_lease_check check ((lease is not null) = (state = 'running') and (lease_until is not null) = (state = 'running')),
    constraint jobs_finished_check check ((finished_at is null) = (state in ('waiting', 'running')))
);
create unique index jobs_unique_key on tenant.jobs (tenant_id, unique_key) where state in ('waiting', 'running');
create index jobs_due_idx on tenant.jobs (tenant_id, priority, run_at, id) where state = 'waiting';
create index jobs_running_idx on tenant.jobs (tenant_id, lease_until) where state = 'running';
create index jobs_order_idx on tenant.jobs (tenant_id, order_key, id) where order_key is not null and state in ('waiting', 'running');
create index jobs_state_idx on tenant.jobs (tenant_id, state, id);
create index jobs_ended_idx on tenant.jobs (tenant_id, finished_at) where finished_at is not null;

set local role rowhouse_migrator;
insert into tenant.job_heads (tenant_id, tenant_status) select id, status from registry.tenants;
set local role rowhouse_owner;
