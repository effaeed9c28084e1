comment on table registry.sessions is
    'A person sees and ends their own sessions, by their handles; doors begin and prolong them. The id, which opens one, nobody who serves or operates may read.';
alter table registry.sessions enable row level security;
alter table registry.sessions force row level security;

create policy wall on registry.sessions as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using      (user_id = (select current_setting('app.user_id')::uuid))
    with check (user_id = (select current_setting('app.user_id')::uuid));
comment on policy wall on registry.sessions is
    'Wall: rows of the person who is set and of nobody else; restrictive, so no other policy widens it. Without a person it raises.';

create policy select_own on registry.sessions for select to rowhouse_gate
    using (user_id = (select registry.signed_in()));
comment on policy select_own on registry.sessions is
    'A person signed in sees their own sessions; the id, which opens one, is granted to nobody who serves.';
create policy delete_own on registry.sessions for delete to rowhouse_gate
    using (user_id = (select registry.signed_in()));
comment on policy delete_own on registry.sessions is 'A person signed in ends a session of theirs.';
create policy select_operators on registry.sessions for select to rowhouse_platform
    using (true);
comment on policy select_operators on registry.sessions is 'Operators, by the platforms own role.';

create policy all_doors on registry.sessions to rowhouse_identity
    using (true) with check (true);
comment on policy all_doors on registry.sessions is 'Doors on accounts begin, prolong and end sessions.';

grant select (user_id, handle, kind, device, address, created_at, authenticated_at, last_used_at, idle_until, expires_at), delete
    on registry.sessions to rowhouse_gate;
grant select (user_id, handle, kind, created_at, last_used_at, expires_at) on registry.sessions to rowhouse_platform;
grant select, delete on registry.sessions to rowhouse_identity;
grant insert (id, user_id, kind, device, address, idle_until, expires_at) on registry.sessions to rowhouse_identity;
grant update (acts_in, address, authenticated_at, last_used_at, idle_until) on registry.sessions to rowhouse_identity;

-- Triggers that ask hold for whoever stands behind the wall, under whatever role, but for the owner (what cascades) and the doors.
create or replace trigger note_end after delete on registry.sessions
    for each row when (row_security_active('registry.sessions'::regclass) and current_user not in ('rowhouse_owner', 'rowhouse_identity'))
    execute function registry.note_account_event('session_ended', 'user_id', 'handle');
-- A session has a seat in each tenant of its person's, whoever changes it, by hand too.
create or replace trigger seat_new after insert on registry.sessions
    referencing new table as changed for each statement execute function registry.seat_sessions();
create or replace trigger seat_prolonged after update on registry.sessions
    referencing old table as before new table as changed for each statement execute function registry.seat_sessions();
create or replace trigger seat_gone after delete on registry.sessions
    referencing old table as before for each statement execute function registry.seat_sessions();
create or replace trigger seat_none after truncate on registry.sessions
    for each statement execute function registry.seat_sessions();
