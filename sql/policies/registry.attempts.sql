-- registry.attempts: nobody who serves reads or writes them; doors count.
alter table registry.attempts enable row level security;
alter table registry.attempts force row level security;

create policy wall on registry.attempts as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using (false) with check (false);

create policy count on registry.attempts to rowhouse_identity
    using (true) with check (true);

grant select, insert, update, delete on registry.attempts to rowhouse_identity;
