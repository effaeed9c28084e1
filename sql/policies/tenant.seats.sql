comment on table tenant.seats is
    'Walled. Who is in the tenant by which session, until when, and what they may: registry.require reads it at each statement. Triggers keep it true to sessions and memberships; nobody who serves or operates reads or writes one.';
comment on column tenant.seats.session_hash is
    'SHA-256 of the session''s id, so that a seat opens nothing.';
alter table tenant.seats enable row level security;
alter table tenant.seats force row level security;

create policy wall on tenant.seats as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.seats is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

-- Without (select …): it is asked of the one row that registry.require reads at each statement.
create policy select_doors on tenant.seats for select to rowhouse_tenancy
    using (user_id = current_setting('app.user_id')::uuid);
comment on policy select_doors on tenant.seats is 'registry.require sees the seats of the person who asks.';
create policy all_triggers on tenant.seats to rowhouse_seats
    using (true) with check (true);
comment on policy all_triggers on tenant.seats is 'registry.seat_sessions, registry.seat_members and registry.seat_rights keep them, whoever causes it.';

grant select (tenant_id, user_id, session_hash, open_until, permissions, tenant_status, account_active) on tenant.seats
    to rowhouse_tenancy;
grant select (tenant_id, user_id, session_hash, open_until), delete on tenant.seats to rowhouse_seats;
grant insert (tenant_id, user_id, session_hash, open_until) on tenant.seats to rowhouse_seats;
grant update (open_until) on tenant.seats to rowhouse_seats;
-- What its member may, it says itself, whoever writes it.
create or replace trigger say_rights before insert or update on tenant.seats
    for each row execute function registry.say_rights();
-- Whoever follows something here asks again, whoever changes it, by hand too (registry.wake_streams).
create or replace trigger wake_changed after update on tenant.seats
    referencing old table as before new table as after for each statement execute function registry.wake_streams();
create or replace trigger wake_gone after delete on tenant.seats
    referencing old table as before for each statement execute function registry.wake_streams();
