-- Trigger with its owner's rights: a session that is opened, prolonged or ended has a seat, until the same moment, in each tenant
-- its person is a member of, and then none.
-- Why with rights of its own: nobody who serves may write a seat. It is no door, nobody can call it; whose seats, the rows say
-- that have changed.
-- A session is prolonged and ended in READ COMMITTED alone: under a snapshot from before, a seat that has come meanwhile would stay.
create or replace function registry.seat_sessions() returns trigger
    language plpgsql security definer set search_path = ''
as $$
declare
    gone record;
begin
    if tg_op <> 'INSERT' and current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
        raise exception using errcode = '25001', message = 'sessions are prolonged and ended in READ COMMITTED alone';
    elsif tg_op = 'TRUNCATE' then
        delete from tenant.seats;
        return null;
    elsif tg_op = 'UPDATE' then
        if exists (select from before b
                   where not exists (select from changed c where c.user_id = b.user_id and c.id = b.id)) then
            raise exception using errcode = '0A000', message = 'a session keeps its id and its person';
        end if;
        -- Where it acts and when its password was given make no difference.
        if not exists (
            select from changed c
            where not exists (select from before b
                              where b.user_id = c.user_id and b.id = c.id
                                and least(b.idle_until, b.expires_at) = least(c.idle_until, c.expires_at))) then
            return null;
        end if;
    end if;

    if tg_op = 'DELETE' then
        -- A member who is being removed takes seats along, and one who is given other rights writes them: first come, first served,
        -- and neither waits for the other's second.
        perform from tenant.memberships m
        where m.user_id in (select b.user_id from before b)
        order by m.user_id, m.tenant_id
        for share;
        -- One by one, each by its whole key: one statement for all would be planned by how many seats everybody has.
        for gone in
            select m.tenant_id, m.user_id, sha256(uuid_send(b.id)) as session_hash
            from before b
            join tenant.memberships m on m.user_id = b.user_id
        loop
            delete from tenant.seats s
            where s.tenant_id = gone.tenant_id and s.user_id = gone.user_id and s.session_hash = gone.session_hash;
        end loop;
        return null;
    end if;

    insert into tenant.seats (tenant_id, user_id, session_hash, open_until)
    select m.tenant_id, m.user_id, sha256(uuid_send(c.id)), least(c.idle_until, c.expires_at)
    from changed c
    join tenant.memberships m on m.user_id = c.user_id
    -- A member who is being removed is waited for, and has no seat then; one who is given other rights is, and has those.
    for share of m
    on conflict (tenant_id, user_id, session_hash)
    do update set open_until = excluded.open_until where seats.open_until <> excluded.open_until;
    return null;
end
$$;
alter function registry.seat_sessions() owner to rowhouse_seats;
revoke all on function registry.seat_sessions() from public;
comment on function registry.seat_sessions() is
    'Nobody who serves may write a seat; whose, the sessions say that have changed.';
