-- A seat says what the membership says, so that registry.require finds all that it asks in one row (docs/adr/0035). A seat from before
-- says nothing of it until its session is prolonged, and is good for what it was: then both are read.
alter table tenant.seats
    add column permissions    text[],
    add column tenant_status  text collate "C",
    add column account_active boolean;
-- The planner's estimates are anybody's to ask for.
alter table tenant.seats alter column permissions set statistics 0;

-- The triggers stand, with what they need, before the first seat says anything: sql/policies makes all of this again.
grant select (permissions, tenant_status, account_active) on tenant.memberships to rowhouse_seats;
-- The owner may not call what triggers call; the migrator may.
set local role rowhouse_migrator;
create or replace trigger say_rights before insert or update on tenant.seats
    for each row execute function registry.say_rights();
create or replace trigger seat_rights after update on tenant.memberships
    for each row when (new.permissions <> old.permissions or new.tenant_status <> old.tenant_status
                       or new.account_active <> old.account_active)
    execute function registry.seat_rights();
set local role rowhouse_owner;
