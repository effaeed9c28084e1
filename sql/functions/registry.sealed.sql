-- Door for doors of rowhouse_tenancy alone (registry.note_domain_check), and called by those of its own owner: raises unless the
-- server has sealed this, for this door, within the minute, and the seal was not spent before. It is spent with the transaction
-- that shows it. Why a door: whoever decides about tenants reaches no key of seals.
--   RH040  not sealed: made by somebody else, for something else, too long ago, with a key that is not known here, or spent
create or replace function registry.sealed(door text, fields text[], seal text) returns void
    language plpgsql security definer set search_path = ''
as $$
declare
    -- Once, or no index would be read by it.
    over constant timestamptz := clock_timestamp() - interval '1 minute';
    gone uuid[];
begin
    if registry.seal_is_good(door, fields, seal) then
        -- Of two who show it at once the second waits for the first.
        insert into registry.spent_seals (number, good_until)
        values (split_part(seal, '.', 2)::uuid, to_timestamp(split_part(seal, '.', 1)::bigint + 61))
        on conflict (number) do nothing;
        if found then
            -- Housekeeping on the way: what is no seal any more by its time, with a minute for clocks that are set back.
            gone := array(select o.number from registry.spent_seals o
                          where o.good_until < over
                          order by o.good_until limit 4 for update skip locked);
            if gone <> '{}' then
                delete from registry.spent_seals s where s.number = any (gone);
            end if;
            return;
        end if;
    end if;
    raise exception using errcode = 'RH040', message = 'not sealed';
end
$$;
alter function registry.sealed(text, text[], text) owner to rowhouse_identity;
revoke all on function registry.sealed(text, text[], text) from public;
grant execute on function registry.sealed(text, text[], text) to rowhouse_tenancy;
comment on function registry.sealed(text, text[], text) is
    'Whoever decides about tenants reaches no key of seals; it says whether the server has sealed something, once.';
