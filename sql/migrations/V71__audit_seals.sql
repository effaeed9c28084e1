-- The audit log is sealed in batches after it was committed: a chain of signed heads for each tenant (docs/audit-log.md).
create table tenant.audit_seals (
    tenant_id         uuid        not null constraint audit_seals_tenant_fkey references registry.tenants (id),
    number            bigint      not null constraint audit_seals_number_check check (number > 0),
    -- The last row that is sealed: all that come before it in the order of the log are.
    epoch             bigint      not null,
    xid               bigint      not null,
    row_id            uuid        not null,
    rows              integer     not null constraint audit_seals_rows_check check (rows >= 0),
    -- SHA-256 of each row of the batch, one after another.
    leaves            bytea       not null constraint audit_seals_leaves_check check (octet_length(leaves) = 32 * rows),
    -- Rows of the seals up to this one are forgotten.
    forgotten_through bigint      not null default 0 constraint audit_seals_forgotten_check check (forgotten_through between 0 and number - 1),
    sealed_at         timestamptz not null,
    -- SHA-256 of all this and of the head before.
    head              bytea       not null constraint audit_seals_head_check check (octet_length(head) = 32),
    -- Ed25519 of the head, and by which key.
    signature         bytea       not null constraint audit_seals_signature_check check (octet_length(signature) = 64),
    key_id            text        collate "C" not null,
    constraint audit_seals_pkey primary key (tenant_id, number)
);

-- What they ask for no role can hold: the schedule alone causes them, and nobody puts them off.
set local role rowhouse_migrator;
insert into registry.job_kinds (kind, permissions, asks) values
    ('audit_log.seal', '{audit_log:seal}', 'audit_log:seal'),
    ('audit_log.forget', '{audit_log:seal,audit_log:forget}', 'audit_log:forget');
set local role rowhouse_owner;
