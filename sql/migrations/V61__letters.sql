-- Letters that wait to be sent, written in the transaction that causes them (docs/adr/0032). What the directory's people are told; a tenant's
-- invitations are jobs of the tenant's.
create table registry.letters (
    id         uuid        not null constraint letters_pkey primary key,
    about      text        collate "C" not null constraint letters_about_check check (about in (
                   'confirm_address', 'choose_password', 'account_exists', 'reset_password', 'confirm_again',
                   'confirm_new_address', 'address_taken', 'address_changed', 'password_changed')),
    -- HMAC of the address, and of what makes another letter say the same.
    address    bytea       not null constraint letters_address_check check (octet_length(address) = 32),
    same       bytea       not null constraint letters_same_check check (octet_length(same) = 32),
    -- Locked with the servers' secret: the address and the names in it. No token: what a link carries follows from the id and the secret.
    sealed     bytea       not null constraint letters_sealed_check check (octet_length(sealed) <= 4096),
    -- When it is to be tried, or until when whoever has it is believed to.
    due_at     timestamptz not null default now(),
    lease      uuid,
    attempts   smallint    not null default 0,
    -- Why the last try failed: a word of ours.
    error      text        collate "C" constraint letters_error_check check (error ~ '^[a-z_]{1,60}$'),
    -- Nobody tries any more.
    dead_at    timestamptz,
    created_at timestamptz not null default now(),
    constraint letters_dead_check check (dead_at is null or lease is null)
);
create index letters_due_idx on registry.letters (due_at) where dead_at is null;
create index letters_dead_idx on registry.letters (dead_at) where dead_at is not null;
create index letters_address_idx on registry.letters (address);
-- Of those that wait and say the same there is one.
create unique index letters_same_key on registry.letters (same) where lease is null and dead_at is null;

set local role rowhouse_migrator;
insert into registry.job_kinds (kind, permissions, asks) values ('invitations.send', '{invitations:send}', 'invitations:write');
set local role rowhouse_owner;
