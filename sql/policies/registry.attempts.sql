comment on table registry.attempts is 'Nobody who serves reads or writes them; doors count.';
comment on column registry.attempts.subject is 'HMAC of the address or network whose tries are counted.';
alter table registry.attempts enable row level security;
alter table registry.attempts force row level security;

create policy wall on registry.attempts as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using (false) with check (false);
comment on policy wall on registry.attempts is 'Wall: nobody who serves or operates tenants reaches a row.';

create policy all_doors on registry.attempts to rowhouse_identity
    using (true) with check (true);
comment on policy all_doors on registry.attempts is 'Doors on accounts count tries, whoever makes them.';

grant select, insert, update, delete on registry.attempts to rowhouse_identity;
