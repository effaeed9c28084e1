-- Door: what came of a letter, by whoever holds its lease. Without a reason it was sent, or there was nothing to send, and it is gone. With
-- one it is tried again after so long; after null nobody does, and somebody has to look. Answers whether it was held.
-- Where another that says the same was written meanwhile, that one is sent, and this one is gone.
-- Why a door: letters are nobody's to read or write.
create or replace function registry.end_letter(letter uuid, held uuid, why text, again interval) returns boolean
    language plpgsql security definer set search_path = ''
as $$
begin
    if current_setting('app.tenant_id') <> '' then
        raise exception using errcode = 'RH005', message = 'for transactions outside any tenant';
    end if;
    if why is null then
        delete from registry.letters l where l.id = letter and l.lease = held;
        return found;
    end if;
    begin
        update registry.letters l
        set lease = null, error = why, dead_at = case when again is null then now() end,
            due_at = clock_timestamp() + coalesce(again, interval '0')
        where l.id = letter and l.lease = held;
        return found;
    exception when unique_violation then
        delete from registry.letters l where l.id = letter and l.lease = held;
        return found;
    end;
end
$$;
alter function registry.end_letter(uuid, uuid, text, interval) owner to rowhouse_identity;
revoke all on function registry.end_letter(uuid, uuid, text, interval) from public;
grant execute on function registry.end_letter(uuid, uuid, text, interval) to rowhouse_worker;
comment on function registry.end_letter(uuid, uuid, text, interval) is
    'Letters are nobody''s to write; it takes one away, or puts it off, for whoever holds it.';
