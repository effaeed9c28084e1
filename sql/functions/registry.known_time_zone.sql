-- Trigger, not a door: a time zone is one of the IANA's, and one that this PostgreSQL knows. PostgreSQL's own list of names
-- (pg_timezone_names) takes an eighth of a second to read, since it opens every file there is; so the form is asked first and
-- then this one file. The form leaves nothing that PostgreSQL would take besides: abbreviations, offsets in the form of POSIX,
-- what the machine calls its own zone. Areas, and names without one, are a closed list (tz-link, theory): new zones lie in
-- an area. The server looks in its own list first; this one refuses whoever else writes, and what the two disagree about.
create or replace function registry.known_time_zone() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    if tg_op = 'UPDATE' then
        if new.time_zone = old.time_zone then
            return new;
        end if;
    end if;
    if new.time_zone ~ '^(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Brazil|Canada|Chile|Europe|Indian|Mexico|Pacific|US)(/[A-Z][A-Za-z_-]*)+$'
       or new.time_zone ~ '^Etc/(GMT([+-]?[0-9]{1,2})?|UCT|UTC|Universal|Zulu|Greenwich)$'
       or new.time_zone ~ '^(CET|CST6CDT|Cuba|EET|EST|EST5EDT|Egypt|Eire|GB|GB-Eire|GMT|GMT[+-]?0|Greenwich|HST|Hongkong|Iceland|Iran|Israel|Jamaica|Japan|Kwajalein|Libya|MET|MST|MST7MDT|NZ|NZ-CHAT|Navajo|PRC|PST8PDT|Poland|Portugal|ROC|ROK|Singapore|Turkey|UCT|UTC|Universal|W-SU|WET|Zulu)$'
    then
        begin
            perform now() at time zone new.time_zone;
            return new;
        exception when invalid_parameter_value then
            null;
        end;
    end if;
    raise exception using
        errcode = 'check_violation', constraint = 'settings_time_zone_check',
        schema = tg_table_schema, table = tg_table_name, message = 'unknown time zone';
end
$$;
alter function registry.known_time_zone() owner to rowhouse_owner;
revoke all on function registry.known_time_zone() from public;
