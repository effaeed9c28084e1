-- Door: counts a try that may be a guess, before it is made, and says how long to wait instead: seconds for
-- each subject, 0 where it may go on. A try that has to wait is not counted, so nobody can keep somebody else
-- waiting for ever; after the free ones each costs twice the wait of the one before, up to a limit, and a
-- quarter of an hour without a try forgets them all. Subjects are SHA-256 of what they are about.
-- Why a door: the counters are everybody's and nobody's to read. It tells nothing but how often the caller
-- itself, or somebody with the same subject, has tried. Subjects come in a fixed order (accounts before
-- addresses), so that two callers never wait for each other.
create or replace function registry.attempt(subjects bytea[], free_tries integer[], longest interval[])
    returns integer[]
    language plpgsql security definer set search_path = ''
as $$
declare
    waits integer[] := '{}';
    now_is timestamptz := clock_timestamp();
    tried registry.attempts;
begin
    perform registry.refuse_signed_in();
    -- A network that has to wait is not let near the accounts' counters: it could keep other people waiting with them.
    for n in 2 .. cardinality(subjects) loop
        select * into tried from registry.attempts a where a.subject = subjects[n];
        if found and tried.blocked_until > clock_timestamp() then
            return array[0, ceil(extract(epoch from tried.blocked_until - clock_timestamp()))::integer];
        end if;
    end loop;
    for n in 1 .. cardinality(subjects) loop
        insert into registry.attempts as a (subject, failures, last_at, blocked_until)
        values (subjects[n], 0, now_is, now_is)
        on conflict (subject) do update set last_at = a.last_at
        returning * into tried;
        -- Looked at once the row is ours: whoever held it before wrote down a later time than when we came.
        now_is := clock_timestamp();

        if tried.blocked_until > now_is then
            waits := waits || ceil(extract(epoch from tried.blocked_until - now_is))::integer;
            continue;
        end if;
        if tried.last_at < now_is - interval '15 minutes' then
            tried.failures := 0;
        end if;
        tried.failures := tried.failures + 1;
        update registry.attempts a
        set failures = tried.failures,
            last_at = now_is,
            blocked_until = now_is + case
                when tried.failures < free_tries[n] then interval '0'
                else least(longest[n], interval '1 second' * 2 ^ least(tried.failures - free_tries[n], 20)) end
        where a.subject = subjects[n];
        waits := waits || 0;
    end loop;
    -- Housekeeping on the way: what was forgotten above is removed, a few at a time.
    delete from registry.attempts a
    where a.subject in (select o.subject from registry.attempts o
                        where o.last_at < now_is - interval '1 day' and o.blocked_until < now_is
                        order by o.last_at limit 10 for update skip locked);
    return waits;
end
$$;
alter function registry.attempt(bytea[], integer[], interval[]) owner to rowhouse_doors;
revoke all on function registry.attempt(bytea[], integer[], interval[]) from public;
grant execute on function registry.attempt(bytea[], integer[], interval[]) to rowhouse_api;
comment on function registry.attempt(bytea[], integer[], interval[]) is
    'Counters of guesses are about people who are not signed in, and nobody''s to read or reset.';
