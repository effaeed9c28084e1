-- Not a door: runs with the caller's rights, behind the wall of the tenant whose turn it is. Gives up to `most` jobs that are due, of these
-- kinds, to a worker: each with a lease of its own for so long. `quantum` jobs, times the tenant's weight, is a turn.
-- What was held by a worker that has fallen silent comes first, then what waits, by priority and time. One that has had all its attempts
-- is dead, and one that was to be cancelled is, without being given to anybody.
-- Where less was due than the turn allows, the head is put to sleep until something is; see registry.wake_jobs for why that loses nothing.
-- Each statement has a snapshot of its own (volatile, read committed), which that argument needs.
create or replace function registry.take_jobs(kinds text[], most integer, quantum integer, lease_for interval, again interval)
    returns table (id uuid, kind text, payload jsonb, payload_version smallint, attempts smallint, max_attempts smallint,
                   lease uuid, created_by uuid, order_key text)
    language plpgsql volatile set search_path = ''
as $$
declare
    whose constant uuid := current_setting('app.tenant_id')::uuid;
    room integer;
    wanted integer;
    taken integer;
    next timestamptz;
begin
    -- One worker at a time takes of a tenant; whoever comes meanwhile finds others to serve.
    select least(most, quantum * h.weight) into wanted from tenant.job_heads h where h.tenant_id = whose for no key update skip locked;
    if not found then
        return;
    end if;
    room := wanted;

    -- Materialized, here and below: a subquery with a limit that is asked for each row anew locks, and takes, more than that.
    with over as materialized (
        select s.id from tenant.jobs s
        where s.tenant_id = whose and s.state = 'running' and s.lease_until < clock_timestamp()
          and (s.cancelling or s.attempts >= s.max_attempts)
        order by s.lease_until limit 100 for no key update skip locked)
    update tenant.jobs j
    set state = case when j.cancelling then 'cancelled' else 'dead' end, finished_at = now(), lease = null, lease_until = null,
        error_code = case when j.cancelling then null else 'worker_lost' end,
        error = case when j.cancelling then null else 'each worker that had it fell silent' end
    from over where j.tenant_id = whose and j.id = over.id;

    return query
        with due as materialized (
            select s.id from tenant.jobs s
            where s.tenant_id = whose and s.state = 'running' and s.lease_until < clock_timestamp() and s.kind = any (kinds)
              and not s.cancelling and s.attempts < s.max_attempts
            order by s.lease_until limit room for no key update skip locked)
        update tenant.jobs j
        set lease = gen_random_uuid(), lease_until = clock_timestamp() + lease_for, alive_at = clock_timestamp(), attempts = j.attempts + 1
        from due where j.tenant_id = whose and j.id = due.id
        returning j.id, j.kind, j.payload, j.payload_version, j.attempts, j.max_attempts, j.lease, j.created_by, j.order_key;
    get diagnostics taken = row_count;
    room := room - taken;

    for level in 0 .. 2 loop
        exit when room = 0;
        return query
            with due as materialized (
                select s.id from tenant.jobs s
                where s.tenant_id = whose and s.state = 'waiting' and s.priority = level and s.run_at <= now() and s.kind = any (kinds)
                  -- The first of its order, and none of it is running: one that somebody had retried may have a later one beside it.
                  and (s.order_key is null or not exists (
                      select from tenant.jobs e
                      where e.tenant_id = whose and e.order_key = s.order_key and e.state in ('waiting', 'running')
                        and e.id <> s.id and (e.state = 'running' or e.id < s.id)))
                order by s.run_at, s.id limit room for no key update skip locked)
            update tenant.jobs j
            set state = 'running', lease = gen_random_uuid(), lease_until = clock_timestamp() + lease_for, alive_at = clock_timestamp(),
                attempts = j.attempts + 1
            from due where j.tenant_id = whose and j.id = due.id
            returning j.id, j.kind, j.payload, j.payload_version, j.attempts, j.max_attempts, j.lease, j.created_by, j.order_key;
        get diagnostics taken = row_count;
        room := room - taken;
    end loop;
    if room = 0 then
        return;
    end if;

    perform from tenant.job_heads h where h.tenant_id = whose for update skip locked;
    if not found then
        return;  -- Somebody is writing a job down: awake it stays.
    end if;
    select least(
        (select min(first.run_at) from generate_series(0, 2) level, lateral (
             select w.run_at from tenant.jobs w
             where w.tenant_id = whose and w.state = 'waiting' and w.priority = level order by w.run_at, w.id limit 1) first),
        (select r.lease_until from tenant.jobs r
         where r.tenant_id = whose and r.state = 'running' order by r.lease_until limit 1)) into next;
    -- What is due and was not taken has nobody here who could do it, or waits for another in its order: somebody looks again in a while,
    -- and before that at what comes due meanwhile.
    if next <= clock_timestamp() then
        next := least(clock_timestamp() + again,
            (select min(first.run_at) from generate_series(0, 2) level, lateral (
                 select w.run_at from tenant.jobs w
                 where w.tenant_id = whose and w.state = 'waiting' and w.priority = level and w.run_at > clock_timestamp()
                 order by w.run_at, w.id limit 1) first),
            (select r.lease_until from tenant.jobs r
             where r.tenant_id = whose and r.state = 'running' and r.lease_until > clock_timestamp() order by r.lease_until limit 1));
    end if;
    update tenant.job_heads h set ready_at = coalesce(next, 'infinity') where h.tenant_id = whose;
end
$$;
alter function registry.take_jobs(text[], integer, integer, interval, interval) owner to rowhouse_owner;
revoke all on function registry.take_jobs(text[], integer, integer, interval, interval) from public;
grant execute on function registry.take_jobs(text[], integer, integer, interval, interval) to rowhouse_worker;
