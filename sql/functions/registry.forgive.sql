-- Not a door, nobody may call it but doors: what was counted by registry.attempt and turned out to be no guess. The
-- account's counter, the first, is forgotten; the network gets this try back.
create or replace function registry.forgive(subjects bytea[]) returns void
    language plpgsql set search_path = ''
as $$
begin
    delete from registry.attempts a where a.subject = subjects[1];
    update registry.attempts a set failures = greatest(a.failures - 1, 0), blocked_until = now()
    where a.subject = any (subjects[2:]);
end
$$;
alter function registry.forgive(bytea[]) owner to rowhouse_owner;
revoke all on function registry.forgive(bytea[]) from public;
grant execute on function registry.forgive(bytea[]) to rowhouse_doors;
