-- What happened in a tenant, told by the transaction in which it happened, and generations as a row for each part
-- (docs/adr/0026). Triggers write both (registry.note_changes).

set local role rowhouse_migrator;
select registry.give('events:read', 'Read what happens in the tenant, of what one may see', array['owner', 'admin', 'member', 'viewer']);
set local role rowhouse_owner;

-- A row tells that something changed, and which of its fields, never what they hold. In which order things were committed
-- nobody can write down as they are written; whoever reads goes by the transaction, and reads none before all that began
-- earlier have ended. A transaction's number is
-- a bigint here, which can be reckoned with.
create table tenant.events (
    tenant_id  uuid        not null constraint events_tenant_fkey references registry.tenants (id),
    -- registry.tenants.epoch: the numbers of transactions begin anew where a tenant moves to.
    epoch      bigint      not null,
    xid        bigint      not null default pg_current_xact_id()::text::bigint,
    id         uuid        not null,
    type       text        collate "C" not null constraint events_type_check check (type ~ '^[a-z_]+[.][a-z_]+$'),
    -- Of what data look like.
    type_version smallint  not null default 1 constraint events_type_version_check check (type_version > 0),
    -- What whoever reads the event has to hold, beside events:read.
    permission text        collate "C" not null,
    -- Whose doing it was: a person, an API key, or nobody who had signed in.
    actor_kind text        collate "C" not null constraint events_actor_kind_check check (actor_kind in ('user', 'api_key', 'none')),
    actor_id   uuid,
    data       jsonb       not null constraint events_data_check check (jsonb_typeof(data) = 'object' and pg_column_size(data) <= 4096),
    created_at timestamptz not null default now(),
    -- In the order in which they are read.
    constraint events_pkey primary key (tenant_id, epoch, xid, id),
    constraint events_actor_check check ((actor_id is null) = (actor_kind = 'none'))
);

-- In the place of tenant.generations, which has a column for each part. Both are written for one release, since the version
-- before reads the old one while this one arrives; nothing reads that after.
-- One row a part at first. A writer takes one that nobody else is writing, and makes another where there is none, so that nobody
-- waits; all of a part together are its generation. There are never more than there were writers at once.
create table tenant.part_generations (
    tenant_id  uuid     not null constraint part_generations_tenant_fkey references registry.tenants (id),
    part       text     collate "C" not null constraint part_generations_part_check check (part ~ '^[a-z_]+$'),
    slot       integer  not null default 0,
    generation uuid     not null default gen_random_uuid(),
    constraint part_generations_pkey primary key (tenant_id, part, slot)
) with (fillfactor = 40);

set local role rowhouse_migrator;
insert into tenant.part_generations (tenant_id, part)
select t.id, p.part from registry.tenants t cross join unnest(array['products', 'projects', 'tasks', 'members', 'settings']) p (part);
set local role rowhouse_owner;
