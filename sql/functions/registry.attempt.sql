-- Door: counts a try that may be a guess, before it is made, and says how long to wait instead: seconds for
-- each subject, 0 where it may go on. A try that has to wait is not counted, so nobody can keep somebody else
-- waiting for ever; after the free ones each costs twice the wait of the one before, up to the longest, and a
-- quarter of an hour without a try forgets them all. Subjects are SHA-256 of what they are about.
-- Subjects go from the narrowest (an account from one network) to the widest, which comes last (a network). A try that a
-- narrow one keeps waiting does not reach the wider ones, but for the last: what is guessed from one network keeps nobody
-- waiting who comes from another.
-- Where the longest wait is null, tries are put off and not refused: beyond the free ones each has its turn a second after
-- the one before, and is not counted once it would wait longer than five seconds.
-- Why a door: the counters are everybody's and nobody's to read. It tells nothing but how often the caller
-- itself, or somebody with the same subject, has tried. Subjects come in a fixed order, so that two callers never wait
-- for each other.
create or replace function registry.attempt(subjects bytea[], free_tries integer[], longest interval[])
    returns integer[]
    language plpgsql security definer set search_path = ''
as $$
declare
    last constant integer := cardinality(subjects);
    waits integer[] := array_fill(0, array[last]);
    now_is timestamptz;
    tried registry.attempts;
    -- How far off the turn of this try is, where tries are put off.
    turn interval;
    forgotten bytea[];
begin
    perform registry.refuse_signed_in();
    -- A network that has to wait is not let near the accounts' counters: it could keep other people waiting with them.
    select * into tried from registry.attempts a where last > 1 and a.subject = subjects[last];
    if found and tried.blocked_until > clock_timestamp() then
        waits[last] := ceil(extract(epoch from tried.blocked_until - clock_timestamp()));
        return waits;
    end if;
    for n in 1 .. last loop
        continue when n < last and 0 < any (waits);
        insert into registry.attempts as a (subject, failures, last_at, blocked_until)
        values (subjects[n], 0, clock_timestamp(), clock_timestamp())
        on conflict (subject) do update set last_at = a.last_at
        returning * into tried;
        -- Looked at once the row is ours: whoever held it before wrote down a later time than when we came.
        now_is := clock_timestamp();

        turn := greatest(tried.blocked_until - now_is, interval '0');
        waits[n] := ceil(extract(epoch from turn));
        continue when turn > case when longest[n] is null then interval '5 seconds' else interval '0' end;
        if tried.last_at < now_is - interval '15 minutes' then
            tried.failures := 0;
        end if;
        tried.failures := tried.failures + 1;
        update registry.attempts a
        set failures = tried.failures,
            last_at = now_is,
            blocked_until = now_is + case
                when tried.failures < free_tries[n] then interval '0'
                when longest[n] is null then turn + interval '1 second'
                else least(longest[n], interval '1 second' * 2 ^ least(tried.failures - free_tries[n], 20)) end
        where a.subject = subjects[n];
    end loop;
    -- Housekeeping on the way: what was forgotten above is removed, a few at a time.
    forgotten := array(select o.subject from registry.attempts o
                       where o.last_at < clock_timestamp() - interval '1 day' and o.blocked_until < clock_timestamp()
                       order by o.last_at limit 10 for update skip locked);
    if forgotten <> '{}' then
        delete from registry.attempts a where a.subject = any (forgotten);
    end if;
    return waits;
end
$$;
alter function registry.attempt(bytea[], integer[], interval[]) owner to rowhouse_doors;
revoke all on function registry.attempt(bytea[], integer[], interval[]) from public;
grant execute on function registry.attempt(bytea[], integer[], interval[]) to rowhouse_gate;
comment on function registry.attempt(bytea[], integer[], interval[]) is
    'Counters of guesses are about people who are not signed in, and nobody''s to read or reset.';
