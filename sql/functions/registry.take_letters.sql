-- Door: letters that are due, each leased for so long to whoever asks; whoever has lost one gives it back to nobody and takes it from nobody.
-- One at a time to an address, the oldest first, so that an address that takes none is in the way of no other.
-- Why a door: letters are nobody's to read. What it gives out only a server's secret opens.
create or replace function registry.take_letters(most integer, lease_for interval)
    returns table (id uuid, about text, sealed bytea, lease uuid, attempts smallint)
    language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
    if current_setting('app.tenant_id') <> '' then
        raise exception using errcode = 'RH005', message = 'for transactions outside any tenant';
    end if;
    -- Whoever had it fell silent each time.
    update registry.letters l set dead_at = now(), lease = null, error = 'worker_lost'
    where l.id in (select o.id from registry.letters o
                   where o.dead_at is null and o.due_at <= now() and o.attempts >= 50 order by o.due_at limit 100 for update skip locked);
    -- Housekeeping on the way.
    delete from registry.letters l
    where l.id in (select o.id from registry.letters o where o.dead_at < now() - interval '30 days' order by o.dead_at limit 10 for update skip locked);
    return query
        with due as materialized (
            select w.id from registry.letters w
            where w.dead_at is null and w.due_at <= now()
              and not exists (select from registry.letters o
                              where o.address = w.address and o.dead_at is null and o.id <> w.id
                                and (o.due_at <= now() and o.id < w.id or o.lease is not null and o.due_at > now()))
            order by w.due_at limit least(most, 100) for update skip locked)
        update registry.letters l
        set lease = gen_random_uuid(), due_at = clock_timestamp() + lease_for, attempts = l.attempts + 1
        from due where l.id = due.id
        returning l.id, l.about, l.sealed, l.lease, l.attempts;
end
$$;
alter function registry.take_letters(integer, interval) owner to rowhouse_identity;
revoke all on function registry.take_letters(integer, interval) from public;
grant execute on function registry.take_letters(integer, interval) to rowhouse_worker;
comment on function registry.take_letters(integer, interval) is
    'Letters are nobody''s to read; it gives out, each to one worker at a time, what only a server''s secret opens.';
