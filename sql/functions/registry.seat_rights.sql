-- Trigger with its owner's rights: what a member may, and whether their tenant is open and their account active, their seats say as
-- well, from the same moment on. They are written as they are, and say it by themselves (registry.say_rights).
-- Why with rights of its own: nobody who serves may write a seat. It is no door, nobody can call it; whose seats, the row says
-- that has changed.
-- In READ COMMITTED alone: under a snapshot from before, a seat that has come meanwhile would go on saying what was.
create or replace function registry.seat_rights() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
        raise exception using errcode = '25001', message = 'what members may is changed in READ COMMITTED alone';
    end if;
    update tenant.seats s
    set open_until = s.open_until
    where s.tenant_id = new.tenant_id and s.user_id = new.user_id;
    return null;
end
$$;
alter function registry.seat_rights() owner to rowhouse_seats;
revoke all on function registry.seat_rights() from public;
comment on function registry.seat_rights() is
    'Nobody who serves may write a seat; whose, the membership says that has changed.';
