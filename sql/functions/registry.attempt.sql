-- Door: counts a try that may be a guess, before it is made, and says how long to wait instead. A try that has to wait is not
-- counted, so nobody can keep somebody else waiting for ever; after the free ones each costs twice the wait of the one before,
-- up to the longest, and a quarter of an hour without a try forgets them all. What is counted of which kind of try, how many
-- are free and how long they make anybody wait says registry.ladder and no caller; `about` is what is tried, one text for each
-- counter, of which SHA-256 is kept with the kind and the counter's name, so that no kind counts for another.
-- Counters go from the narrowest (an account from one network) to the widest, which comes last (a network). A try that a
-- narrow one keeps waiting does not reach the wider ones, but for the last: what is guessed from one network keeps nobody
-- waiting who comes from another.
-- Where the longest wait is null, tries are put off and not refused: beyond the free ones each has its turn a second after
-- the one before, and is not counted once it would wait longer than five seconds.
-- Answers in seconds: what the widest keeps whoever tries waiting; what a narrower one does, or a turn that is too far off; and
-- by how much the try is put off. `counters` are for registry.throttle_reset, should it turn out to be no guess.
-- Why a door: the counters are everybody's and nobody's to read. It tells nothing but how often the caller
-- itself, or somebody with the same subject, has tried. Counters come in a fixed order, so that two callers never wait
-- for each other.
create or replace function registry.attempt(
        kind text, about text[], out wide integer, out narrow integer, out turn integer, out counters bytea[])
    language plpgsql security definer set search_path = ''
as $$
declare
    far constant interval := '5 seconds';
    steps integer;
    step record;
    now_is timestamptz;
    tried registry.attempts;
    -- How far off the turn of this try is: where tries are not put off, how long it would have to wait.
    off interval;
    -- Once, or no index would be read by it.
    long_ago constant timestamptz := clock_timestamp() - interval '1 day';
    forgotten bytea[];
begin
    perform registry.refuse_signed_in();
    select array_agg(sha256(convert_to(attempt.kind || ' ' || l.counter || ' ' || about[l.place], 'UTF8')) order by l.place), count(*)
    into counters, steps
    from registry.ladder(attempt.kind) l;
    if steps = 0 or cardinality(about) is distinct from steps or array_position(counters, null) is not null then
        raise exception using errcode = 'invalid_parameter_value', message = 'no such kind of try, or not what it is about';
    end if;
    wide := 0;
    narrow := 0;
    turn := 0;
    -- A network that has to wait is not let near the accounts' counters: it could keep other people waiting with them.
    select * into tried from registry.attempts a where steps > 1 and a.subject = counters[steps];
    if found and tried.blocked_until > clock_timestamp() then
        wide := ceil(extract(epoch from tried.blocked_until - clock_timestamp()));
        return;
    end if;
    for step in select * from registry.ladder(attempt.kind) loop
        continue when step.place < steps and (narrow > 0 or turn > 0);
        insert into registry.attempts as a (subject, failures, last_at, blocked_until)
        values (counters[step.place], 0, clock_timestamp(), clock_timestamp())
        on conflict (subject) do update set last_at = a.last_at
        returning * into tried;
        -- Looked at once the row is ours: whoever held it before wrote down a later time than when we came.
        now_is := clock_timestamp();

        off := greatest(tried.blocked_until - now_is, interval '0');
        if step.longest is null and off <= far then
            turn := ceil(extract(epoch from off));
        elsif step.place < steps then
            narrow := ceil(extract(epoch from off));
        else
            wide := ceil(extract(epoch from off));
        end if;
        continue when off > case when step.longest is null then far else interval '0' end;
        if tried.last_at < now_is - interval '15 minutes' then
            tried.failures := 0;
        end if;
        tried.failures := tried.failures + 1;
        update registry.attempts a
        set failures = tried.failures,
            last_at = now_is,
            blocked_until = now_is + case
                when tried.failures < step.free_tries then interval '0'
                when step.longest is null then off + interval '1 second'
                else least(step.longest, interval '1 second' * 2 ^ least(tried.failures - step.free_tries, 20)) end
        where a.subject = counters[step.place];
    end loop;
    -- Housekeeping on the way: what was forgotten above is removed, a few at a time.
    forgotten := array(select o.subject from registry.attempts o
                       where o.last_at < long_ago and o.blocked_until < clock_timestamp()
                       order by o.last_at limit 10 for update skip locked);
    if forgotten <> '{}' then
        delete from registry.attempts a where a.subject = any (forgotten);
    end if;
end
$$;
alter function registry.attempt(text, text[]) owner to rowhouse_identity;
revoke all on function registry.attempt(text, text[]) from public;
grant execute on function registry.attempt(text, text[]) to rowhouse_gate;
comment on function registry.attempt(text, text[]) is
    'Counters of guesses are about people who are not signed in, and nobody''s to read or reset.';
