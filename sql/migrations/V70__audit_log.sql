-- Who did what in a tenant: written by the trigger that tells events, in the transaction of the change (docs/audit-log.md, docs/adr/0037).
set local role rowhouse_migrator;
select registry.give('audit-log:read', 'Read who did what in the tenant', array['owner', 'admin']);
set local role rowhouse_owner;

-- Read, sealed and forgotten in the order of the key, as events are (docs/adr/0026). It has no foreign key, which each row would pay for and which would let
-- nothing be deleted that was ever changed: what is in it stays true of what is gone.
create table tenant.audit_log (
    tenant_id    uuid        not null,
    epoch        bigint      not null,
    xid          bigint      not null default pg_current_xact_id()::text::bigint,
    id           uuid        not null,
    at           timestamptz not null default clock_timestamp(),
    -- A person, an API key, a job, whoever operates the platform, or nobody known in this tenant.
    actor_kind   text        collate "C" not null
                 constraint audit_log_actor_kind_check check (actor_kind in ('user', 'api_key', 'job', 'system', 'none')),
    actor_id     uuid,
    -- Of a job: the person or the API key whose doing it is.
    on_behalf_of uuid,
    -- The handle of the session.
    session_id   uuid,
    -- As which role PostgreSQL was reached: it is told by PostgreSQL, all else of a request by whoever serves.
    login        text        collate "C" not null default session_user,
    request_id   text        collate "C",
    address      text        collate "C",
    action       text        collate "C" not null,
    object_type  text        collate "C" not null,
    object_id    uuid,
    -- The columns that have other values since, and those values: none before what is new, none after what is gone.
    before       jsonb,
    after        jsonb,
    constraint audit_log_pkey primary key (tenant_id, epoch, xid, id)
);
-- What names a person no histogram keeps.
alter table tenant.audit_log alter column address set statistics 0, alter column before set statistics 0, alter column after set statistics 0;

-- The function that writes it is replaced before sql/policies comes to this table, which makes all of this again: whoever changes anything meanwhile may.
alter table tenant.audit_log enable row level security;
alter table tenant.audit_log force row level security;
create policy insert_triggers on tenant.audit_log for insert to rowhouse_writers
    with check (xid = (select pg_current_xact_id()::text::bigint));
grant insert (tenant_id, epoch, id, actor_kind, actor_id, on_behalf_of, session_id, request_id, address, action, object_type, object_id, before, after)
    on tenant.audit_log to rowhouse_writers;
