-- Not a door, it asks two: the tenant in which the caller may do all of these, which is the one that is set, or an error about the
-- first that is missing. For a statement that would ask registry.require of many tables' permissions at once: two look-ups instead
-- of one for each. A null among them asks for nothing.
--   RH001, RH002, RH003, RH004, RH006, RH007  as registry.require
create or replace function registry.require_each(permissions text[]) returns uuid
    language plpgsql stable parallel safe set search_path = ''
as $$
declare
    here constant uuid := registry.require(permissions[1]);
    held constant text[] := registry.caller_permissions();
    missing text;
begin
    select wanted.permission into missing
    from unnest(permissions) with ordinality wanted (permission, place)
    where not wanted.permission = any (held)
    order by wanted.place
    limit 1;
    if found then
        raise exception using errcode = 'RH004', message = missing;
    end if;
    return here;
end
$$;
alter function registry.require_each(text[]) owner to rowhouse_owner;
revoke all on function registry.require_each(text[]) from public;
grant execute on function registry.require_each(text[]) to rowhouse_api;
