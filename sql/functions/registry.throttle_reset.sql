-- Not a door, nobody may call it but doors: what was counted by registry.attempt and turned out to be no guess. Counters
-- are forgotten; the last, which is a network's or a device's, gets this try back. In the order in which they are counted.
create or replace function registry.throttle_reset(subjects bytea[]) returns void
    language plpgsql set search_path = ''
as $$
declare
    last constant integer := cardinality(subjects);
begin
    for n in 1 .. last - 1 loop
        delete from registry.attempts a where a.subject = subjects[n];
    end loop;
    update registry.attempts a set failures = greatest(a.failures - 1, 0), blocked_until = now()
    where a.subject = subjects[last];
end
$$;
alter function registry.throttle_reset(bytea[]) owner to rowhouse_owner;
revoke all on function registry.throttle_reset(bytea[]) from public;
grant execute on function registry.throttle_reset(bytea[]) to rowhouse_identity;
