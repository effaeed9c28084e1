-- When what recurs was last begun, and how far whoever begins it has come (docs/jobs.md).
create table registry.schedules (
    name         text        collate "C" not null constraint schedules_pkey primary key
                 constraint schedules_name_check check (name ~ '^[a-z][a-z_.]{0,99}$'),
    -- Whatever was due until then has been seen to.
    last_at      timestamptz not null default now(),
    -- What is being begun: when it was due, and the last tenant that has its job. Null when nothing is.
    firing_at    timestamptz,
    at_tenant    uuid,
    -- Another at each take-over: whoever has led before changes nothing any more.
    fence        bigint      not null default 0,
    leased_until timestamptz,
    constraint schedules_firing_check check ((firing_at is null) = (at_tenant is null))
);
