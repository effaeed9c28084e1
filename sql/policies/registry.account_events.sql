-- registry.account_events: a person sees what happened to their account; nobody changes it.
alter table registry.account_events enable row level security;
alter table registry.account_events force row level security;

create policy wall on registry.account_events as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using      (user_id = (select current_setting('app.user_id')::uuid))
    with check (user_id = (select current_setting('app.user_id')::uuid));

create policy own on registry.account_events for select to rowhouse_gate
    using (user_id = (select registry.signed_in()));
-- Written by doors, and by registry.note_account_event when a row changes; nobody who serves writes one.
create policy note on registry.account_events for insert to rowhouse_identity
    with check (true);
create policy note_change on registry.account_events for insert to rowhouse_writers
    with check (kind in ('session_ended', 'second_factor_added', 'second_factor_removed'));

grant select on registry.account_events to rowhouse_gate;
grant insert (user_id, kind, session_id, address) on registry.account_events to rowhouse_identity;
grant insert (user_id, kind, session_id) on registry.account_events to rowhouse_writers;
