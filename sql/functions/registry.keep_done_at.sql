-- Trigger, not a door: runs with the caller's rights. A task that is done says since when; done_at is granted to nobody.
create or replace function registry.keep_done_at() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    if new.status <> 'done' then
        new.done_at := null;
    elsif tg_op = 'INSERT' or old.status <> 'done' then
        new.done_at := now();
    end if;
    return new;
end
$$;
alter function registry.keep_done_at() owner to rowhouse_owner;
revoke all on function registry.keep_done_at() from public;
