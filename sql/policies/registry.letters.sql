comment on table registry.letters is 'Nobody who serves or works reads or writes them; doors keep them, give them to whoever sends them, and take them away.';
comment on column registry.letters.address is 'HMAC of the address it is to.';
comment on column registry.letters.same is 'HMAC of address and subject: of two that say the same the later one is sent.';
comment on column registry.letters.sealed is 'The address and the names in it, locked with the servers'' secret.';
alter table registry.letters enable row level security;
alter table registry.letters force row level security;

create policy wall on registry.letters as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using (false) with check (false);
comment on policy wall on registry.letters is 'Wall: nobody who serves or operates tenants reaches a row.';

create policy all_doors on registry.letters to rowhouse_identity
    using (true) with check (true);
comment on policy all_doors on registry.letters is 'Doors on accounts keep them, give them out and take them away.';

grant select, delete on registry.letters to rowhouse_identity;
grant insert (id, about, address, same, sealed), update (id, about, sealed, due_at, lease, attempts, error, dead_at, created_at)
    on registry.letters to rowhouse_identity;
