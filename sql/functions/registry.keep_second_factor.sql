-- Trigger, not a door: a password too short to be the only factor keeps its second one. Whoever stands behind the wall is asked.
create or replace function registry.keep_second_factor() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    if exists (select from registry.users u where u.id = old.user_id and u.leans_on_second_factor) then
        raise exception using errcode = 'RH017', message = 'short password';
    end if;
    return old;
end
$$;
alter function registry.keep_second_factor() owner to rowhouse_owner;
revoke all on function registry.keep_second_factor() from public;
