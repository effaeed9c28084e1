-- What the server has verified reaches a door with a seal (docs/adr/0019), and what the database keeps of a secret is a
-- hash of what is presented, so that no row is a credential.

-- The keys seals are made with, as the two blocks of HMAC-SHA-256 (RFC 2104): the key with each of its paddings. Kept by
-- `rowhouse migrate` and `rowhouse keys seal`. One that was superseded is good for another hour.
create table registry.seal_keys (
    id            uuid        primary key,
    inner_block   bytea       not null constraint seal_keys_inner_check check (octet_length(inner_block) = 64),
    outer_block   bytea       not null constraint seal_keys_outer_check check (octet_length(outer_block) = 64),
    created_at    timestamptz not null default now(),
    superseded_at timestamptz
);

-- Neither an invitation nor a key is another version for it.
alter table tenant.invitations disable trigger user;
alter table tenant.api_keys disable trigger user;
set local role rowhouse_migrator;
update registry.mail_tokens set token_hash = sha256(token_hash);
update registry.refresh_tokens set token_hash = sha256(token_hash), successor_hash = sha256(successor_hash);
update tenant.invitations set token_hash = sha256(token_hash);
update tenant.api_keys set secret_hash = sha256(secret_hash), previous_hash = sha256(previous_hash);
set local role rowhouse_owner;
alter table tenant.invitations enable trigger user;
alter table tenant.api_keys enable trigger user;
