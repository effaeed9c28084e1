-- registry.seal_keys: nobody who serves reads or writes them; registry.seal_is_good, which doors alone may call, reads.
alter table registry.seal_keys enable row level security;
alter table registry.seal_keys force row level security;

create policy wall on registry.seal_keys as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using (false) with check (false);

create policy verify on registry.seal_keys for select to rowhouse_identity
    using (superseded_at is null or superseded_at > now() - interval '1 hour');

grant select (inner_block, outer_block, superseded_at) on registry.seal_keys to rowhouse_identity;
