-- Who is in a tenant by which session, until when. registry.require asks at each statement whether the caller's session is open:
-- here it finds that among the tenant's own rows, and needs no table that all tenants share (docs/adr/0023). An API key is a
-- row of its tenant already.
create table tenant.seats (
    tenant_id    uuid        not null,
    user_id      uuid        not null,
    session_hash bytea       not null constraint seats_session_check check (octet_length(session_hash) = 32),
    open_until   timestamptz not null,
    constraint seats_pkey primary key (tenant_id, user_id, session_hash),
    -- Whoever is removed takes their seats along.
    constraint seats_member_fkey foreign key (tenant_id, user_id)
        references tenant.memberships (tenant_id, user_id) on delete cascade
-- No index has to follow a session that is prolonged, so there is room for the next version beside each row.
) with (fillfactor = 70);
-- The planner's estimates are anybody's to ask for.
alter table tenant.seats alter column session_hash set statistics 0;

-- The triggers stand before V21 writes the first seat, with what they need, so that no session that is opened meanwhile is left
-- without: sql/policies and sql/apply make all of this again, or have made it where the files are newer.
grant usage on schema tenant, registry to rowhouse_seats;
alter table tenant.seats enable row level security;
create policy all_triggers on tenant.seats to rowhouse_seats using (true) with check (true);
drop policy if exists select_seats on tenant.memberships;
drop policy if exists update_seats on tenant.memberships;
create policy select_seats on tenant.memberships for select to rowhouse_seats using (true);
create policy update_seats on tenant.memberships for update to rowhouse_seats using (true) with check (false);
grant select (tenant_id, user_id, session_hash, open_until), delete on tenant.seats to rowhouse_seats;
grant insert (tenant_id, user_id, session_hash, open_until) on tenant.seats to rowhouse_seats;
grant update (open_until) on tenant.seats to rowhouse_seats;
grant select (tenant_id, user_id), update (updated_at) on tenant.memberships to rowhouse_seats;
-- The owner may not call what the triggers call; the migrator may.
set local role rowhouse_migrator;
create or replace trigger seat_new after insert on tenant.memberships
    referencing new table as changed for each statement execute function registry.seat_members();
create or replace trigger seat_new after insert on registry.sessions
    referencing new table as changed for each statement execute function registry.seat_sessions();
create or replace trigger seat_prolonged after update on registry.sessions
    referencing old table as before new table as changed for each statement execute function registry.seat_sessions();
create or replace trigger seat_gone after delete on registry.sessions
    referencing old table as before for each statement execute function registry.seat_sessions();
create or replace trigger seat_none after truncate on registry.sessions
    for each statement execute function registry.seat_sessions();
set local role rowhouse_owner;
