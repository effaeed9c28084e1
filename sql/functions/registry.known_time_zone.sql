-- Trigger, not a door: a time zone is one that this PostgreSQL knows, as a foreign key would say if the list were a
-- table. The server looks in its own list first; this one refuses whoever else writes, and what the two disagree about.
create or replace function registry.known_time_zone() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    -- The list is read from files, so only when there is something new to look up.
    if tg_op = 'UPDATE' then
        if new.time_zone = old.time_zone then
            return new;
        end if;
    end if;
    if not exists (select from pg_catalog.pg_timezone_names z where z.name = new.time_zone) then
        raise exception using
            errcode = 'check_violation', constraint = 'settings_time_zone_check',
            schema = tg_table_schema, table = tg_table_name, message = 'unknown time zone';
    end if;
    return new;
end
$$;
alter function registry.known_time_zone() owner to rowhouse_owner;
revoke all on function registry.known_time_zone() from public;
