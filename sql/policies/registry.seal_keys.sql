comment on table registry.seal_keys is 'Nobody who serves reads or writes them; registry.seal_is_good, which doors alone may call, reads.';
comment on column registry.seal_keys.inner_block is
    'SHA-256 state of the keys inner pad (RFC 2104), from which no seal can be made without the outer one.';
comment on column registry.seal_keys.outer_block is 'The same with the outer pad.';
alter table registry.seal_keys enable row level security;
alter table registry.seal_keys force row level security;

create policy wall on registry.seal_keys as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using (false) with check (false);
comment on policy wall on registry.seal_keys is 'Wall: nobody who serves or operates tenants reaches a row.';

create policy select_doors on registry.seal_keys for select to rowhouse_identity
    using (superseded_at is null or superseded_at > now() - interval '1 hour');
comment on policy select_doors on registry.seal_keys is 'registry.seal_is_good: the key in use, and for an hour the one before.';

grant select (inner_block, outer_block, superseded_at) on registry.seal_keys to rowhouse_identity;
