-- Devices that somebody has signed in with: what others guess at their account keeps none of these waiting. Only SHA-256 of
-- what a device presents is kept; it opens nothing by itself, a password is asked for as ever.
create table registry.devices (
    user_id    uuid        not null constraint devices_user_fkey references registry.users (id) on delete cascade,
    token_hash bytea       not null constraint devices_token_check check (octet_length(token_hash) = 32),
    created_at timestamptz not null default now(),
    constraint devices_pkey primary key (user_id, token_hash)
);
-- The planner's estimates are anybody's to ask for.
alter table registry.devices alter column token_hash set statistics 0;
