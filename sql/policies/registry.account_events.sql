comment on table registry.account_events is 'A person sees what happened to their account; nobody changes it.';
alter table registry.account_events enable row level security;
alter table registry.account_events force row level security;

create policy wall on registry.account_events as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using      (user_id = (select current_setting('app.user_id')::uuid))
    with check (user_id = (select current_setting('app.user_id')::uuid));
comment on policy wall on registry.account_events is
    'Wall: rows of the person who is set and of nobody else; restrictive, so no other policy widens it. Without a person it raises.';

create policy select_own on registry.account_events for select to rowhouse_gate
    using (user_id = (select registry.signed_in()));
comment on policy select_own on registry.account_events is 'A person signed in sees what happened to their own account.';
create policy insert_doors on registry.account_events for insert to rowhouse_identity
    with check (true);
comment on policy insert_doors on registry.account_events is 'Doors on accounts write down what they did; nobody who serves writes one.';
create policy insert_triggers on registry.account_events for insert to rowhouse_writers
    with check (kind in ('session_ended', 'second_factor_added', 'second_factor_removed'));
comment on policy insert_triggers on registry.account_events is
    'registry.note_account_event writes down what was changed in a row, and nothing else.';

grant select on registry.account_events to rowhouse_gate;
grant insert (user_id, kind, session_id, address) on registry.account_events to rowhouse_identity;
grant insert (user_id, kind, session_id) on registry.account_events to rowhouse_writers;
