-- What takes long is done by a worker: an operation is what callers see of the job with its id (docs/adr/0034).
-- Done on behalf of whoever caused it: as long as they hold what it asks for, and no longer.
alter table registry.job_kinds add column on_behalf boolean not null default false;

-- The API key that caused it, as PostgreSQL knows it: nobody who serves says so.
alter table tenant.jobs add column api_key_id uuid;
alter table tenant.jobs alter column api_key_id set default
    case when coalesce(current_setting('app.user_id', true), '') = '' then nullif(split_part(current_setting('app.api_key', true), '.', 1), '')::uuid end;

-- The file that an operation is about, until it has ended.
create table tenant.operation_files (
    tenant_id    uuid        not null,
    operation_id uuid        not null,
    bytes        bigint      not null constraint operation_files_bytes_check check (bytes >= 0),
    sha256       bytea       not null constraint operation_files_sha256_check check (octet_length(sha256) = 32),
    created_at   timestamptz not null default now(),
    constraint operation_files_pkey primary key (tenant_id, operation_id),
    constraint operation_files_operation_fkey foreign key (tenant_id, operation_id)
        references tenant.operations (tenant_id, id) on delete cascade
);

create table tenant.operation_chunks (
    tenant_id    uuid    not null,
    operation_id uuid    not null,
    number       integer not null constraint operation_chunks_number_check check (number >= 0),
    data         bytea   not null constraint operation_chunks_data_check check (octet_length(data) between 1 and 1048576),
    constraint operation_chunks_pkey primary key (tenant_id, operation_id, number),
    constraint operation_chunks_file_fkey foreign key (tenant_id, operation_id)
        references tenant.operation_files (tenant_id, operation_id) on delete cascade
);
-- Read once, from the first byte to the last: to press it would cost more than it spares.
alter table tenant.operation_chunks alter column data set storage external;
