-- registry.account_events: a person sees what happened to their account; nobody changes it.
alter table registry.account_events enable row level security;
alter table registry.account_events force row level security;

create policy wall on registry.account_events as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using      (user_id = (select current_setting('app.user_id')::uuid))
    with check (user_id = (select current_setting('app.user_id')::uuid));

create policy own on registry.account_events for select to rowhouse_gate
    using (user_id = (select registry.signed_in()));
-- Written by triggers on what happens, with the rights of whoever makes it happen.
create policy note on registry.account_events for insert to rowhouse_gate
    with check (user_id = (select current_setting('app.user_id')::uuid));
create policy doors on registry.account_events for insert to rowhouse_doors
    with check (true);

grant select on registry.account_events to rowhouse_gate;
grant insert (user_id, kind, session_id) on registry.account_events to rowhouse_gate;
grant insert (user_id, kind, session_id, address) on registry.account_events to rowhouse_doors;
