-- registry.spent_seals: nobody who serves reads or writes them; registry.sealed spends, and takes away what is none any more.
alter table registry.spent_seals enable row level security;
alter table registry.spent_seals force row level security;

create policy wall on registry.spent_seals as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using (false) with check (false);

create policy spend on registry.spent_seals for insert to rowhouse_identity
    with check (true);
create policy find on registry.spent_seals for select to rowhouse_identity
    using (true);
-- What is spent stays so for as long as it would be good.
create policy forget on registry.spent_seals for delete to rowhouse_identity
    using (good_until < now());
-- Locking a row asks for the right to change it; the policy's check lets no change through.
create policy lock on registry.spent_seals for update to rowhouse_identity
    using (good_until < now()) with check (false);

grant select, insert, delete, update (good_until) on registry.spent_seals to rowhouse_identity;
