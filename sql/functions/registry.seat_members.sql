-- Trigger with its owner's rights: a new member has a seat for each session of theirs that is open.
-- Why with rights of its own: nobody who serves may write a seat. It is no door, nobody can call it; whose seats, the rows say
-- that have changed. Whoever is removed takes theirs along, by a foreign key.
create or replace function registry.seat_members() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    insert into tenant.seats (tenant_id, user_id, session_hash, open_until)
    select c.tenant_id, c.user_id, o.session_hash, o.open_until
    from changed c
    cross join lateral registry.open_sessions(c.user_id) o;
    return null;
end
$$;
alter function registry.seat_members() owner to rowhouse_seats;
revoke all on function registry.seat_members() from public;
comment on function registry.seat_members() is
    'Nobody who serves may write a seat; whose, the memberships say that are new.';
