-- Trigger, not a door: what was booked, numbered or written down stays as it is, whoever asks, a superuser too. A mistake is put right by another
-- entry. Where the trigger of a row has an argument, what is older than that may go.
--   RH069  changed or taken away
create or replace function registry.append_only() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    if tg_op = 'DELETE' and tg_nargs > 0 then
        if old.at < now() - tg_argv[0]::interval then
            return old;
        end if;
    end if;
    raise exception using errcode = 'RH069', message = format('%s.%s is append-only', tg_table_schema, tg_table_name),
        hint = 'another entry puts it right';
end
$$;
alter function registry.append_only() owner to rowhouse_owner;
revoke all on function registry.append_only() from public;
