-- Trigger, with the caller's rights, before a row of a log is changed or goes: that is refused, whoever does it, but where the trigger has an argument, to let
-- go of what is older than that. A superuser can switch it off, and is found by the seals (docs/audit-log.md).
create or replace function registry.only_appended() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    if tg_op = 'DELETE' and tg_level = 'ROW' then
        if old.at < now() - tg_argv[0]::interval then
            return old;
        end if;
    end if;
    raise exception using errcode = '42501', message = 'what was written down stays as it is';
end
$$;
alter function registry.only_appended() owner to rowhouse_owner;
revoke all on function registry.only_appended() from public;
