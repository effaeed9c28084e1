-- registry.sessions: a person sees and ends their own sessions, by their handles; doors begin and prolong them. The id, which
-- opens one, nobody who serves or operates may read.
alter table registry.sessions enable row level security;
alter table registry.sessions force row level security;

create policy wall on registry.sessions as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using      (user_id = (select current_setting('app.user_id')::uuid))
    with check (user_id = (select current_setting('app.user_id')::uuid));

create policy own on registry.sessions for select to rowhouse_gate
    using (user_id = (select registry.signed_in()));
create policy finish on registry.sessions for delete to rowhouse_gate
    using (user_id = (select registry.signed_in()));
create policy operate on registry.sessions for select to rowhouse_platform
    using (true);

create policy keep on registry.sessions to rowhouse_identity
    using (true) with check (true);

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
