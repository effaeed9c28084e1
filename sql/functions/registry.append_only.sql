-- Trigger, not a door: what was booked or numbered stays as it is, whoever asks, a superuser too. A mistake is put right by another
-- entry.
--   RH069  changed or taken away
create or replace function registry.append_only() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    raise exception using errcode = 'RH069', message = format('%s.%s is append-only', tg_table_schema, tg_table_name),
        hint = 'book another entry that puts it right';
end
$$;
alter function registry.append_only() owner to rowhouse_owner;
revoke all on function registry.append_only() from public;
