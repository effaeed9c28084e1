-- registry.recovery_codes: stand in for a second factor once each. Only their hashes are here.
alter table registry.recovery_codes enable row level security;
alter table registry.recovery_codes force row level security;

create policy wall on registry.recovery_codes as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using      (user_id = (select current_setting('app.user_id')::uuid))
    with check (user_id = (select current_setting('app.user_id')::uuid));

create policy own on registry.recovery_codes for select to rowhouse_gate
    using (user_id = (select registry.signed_in()));
create policy add on registry.recovery_codes for insert to rowhouse_gate
    with check (user_id = (select registry.signed_in(within => interval '10 minutes')));
create policy remove on registry.recovery_codes for delete to rowhouse_gate
    using (user_id = (select registry.signed_in(within => interval '10 minutes')));

create policy given on registry.recovery_codes for select to rowhouse_identity
    using (true);
create policy spend on registry.recovery_codes for delete to rowhouse_identity
    using (true);

grant select, delete on registry.recovery_codes to rowhouse_gate;
grant insert (user_id, code_hash) on registry.recovery_codes to rowhouse_gate;
grant select (user_id, code_hash), delete on registry.recovery_codes to rowhouse_identity;
