comment on table registry.spent_seals is 'Nobody who serves reads or writes them; registry.sealed spends, and takes away what is none any more.';
alter table registry.spent_seals enable row level security;
alter table registry.spent_seals force row level security;

create policy wall on registry.spent_seals as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using (false) with check (false);
comment on policy wall on registry.spent_seals is 'Wall: nobody who serves or operates tenants reaches a row.';

create policy insert_spend on registry.spent_seals for insert to rowhouse_identity
    with check (true);
comment on policy insert_spend on registry.spent_seals is 'registry.sealed writes down that a seal was used.';
create policy select_doors on registry.spent_seals for select to rowhouse_identity
    using (true);
comment on policy select_doors on registry.spent_seals is 'registry.sealed looks whether a seal was used before.';
create policy delete_outlived on registry.spent_seals for delete to rowhouse_identity
    using (good_until < now());
comment on policy delete_outlived on registry.spent_seals is 'What is spent stays so for as long as it would be good.';
create policy update_lock on registry.spent_seals for update to rowhouse_identity
    using (good_until < now()) with check (false);
comment on policy update_lock on registry.spent_seals is 'Locking a row asks for the right to change it; the check lets no change through.';

grant select, insert, delete, update (good_until) on registry.spent_seals to rowhouse_identity;
