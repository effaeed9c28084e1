-- Not a door, it asks one: the tenant that is set, if a person who is a member of it asks, or an error. Policies on what
-- is a member's own inside a tenant compare tenant_id with it, and user_id with app.user_id, which it has vouched for.
--   RH001, RH002, RH003, RH006, RH007  as registry.require, which is asked for membership alone
--   RH018  an API key asks
create or replace function registry.require_person() returns uuid
    language plpgsql stable parallel safe set search_path = ''
as $$
declare
    wanted_tenant uuid := registry.require(null);
begin
    if current_setting('app.user_id') = '' then
        raise exception using errcode = 'RH018', message = 'a person';
    end if;
    return wanted_tenant;
end
$$;
alter function registry.require_person() owner to rowhouse_owner;
revoke all on function registry.require_person() from public;
grant execute on function registry.require_person() to rowhouse_api;
