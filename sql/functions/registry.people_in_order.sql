-- Trigger, not a door, before a statement that changes or removes roles or memberships: one such statement of a tenant after
-- the other. A role's change goes on to its memberships and a membership's asks for its role, so two that come from both
-- ends would wait for each other. What is locked first (registry.hold_people) is the row that keep_an_owner locks.
create or replace function registry.people_in_order() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    perform registry.hold_people();
    return null;
end
$$;
alter function registry.people_in_order() owner to rowhouse_owner;
revoke all on function registry.people_in_order() from public;
