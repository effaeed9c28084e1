-- Trigger with its owner's rights: a session that is opened, prolonged or ended has a seat, until the same moment, in each tenant
-- its person is a member of, and then none.
-- Why with rights of its own: nobody who serves may write a seat. It is no door, nobody can call it; whose seats, the rows say
-- that have changed.
create or replace function registry.seat_sessions() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    if tg_op = 'DELETE' then
        delete from tenant.seats s using changed c, tenant.memberships m
        where m.user_id = c.user_id
          and s.tenant_id = m.tenant_id and s.user_id = m.user_id and s.session_hash = sha256(uuid_send(c.id));
    else
        insert into tenant.seats (tenant_id, user_id, session_hash, open_until)
        select m.tenant_id, m.user_id, sha256(uuid_send(c.id)), least(c.idle_until, c.expires_at)
        from changed c
        join tenant.memberships m on m.user_id = c.user_id
        -- A member who is being removed is waited for, and has no seat then.
        for key share of m
        on conflict (tenant_id, user_id, session_hash)
        do update set open_until = excluded.open_until where seats.open_until <> excluded.open_until;
    end if;
    return null;
end
$$;
alter function registry.seat_sessions() owner to rowhouse_seats;
revoke all on function registry.seat_sessions() from public;
comment on function registry.seat_sessions() is
    'Nobody who serves may write a seat; whose, the sessions say that have changed.';
