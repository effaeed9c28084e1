-- Not a door, it asks one: who asks in the tenant that is set, the id of a member or of an API key, or an error. Policies on what
-- is a caller's own inside a tenant compare: principal = (select registry.principal()).
--   RH001, RH002, RH003, RH006, RH007  as registry.require, which is asked for membership alone
create or replace function registry.principal() returns uuid
    language plpgsql stable parallel safe set search_path = ''
as $$
begin
    perform registry.require(null);
    return coalesce(nullif(current_setting('app.user_id'), ''), split_part(current_setting('app.api_key'), '.', 1))::uuid;
end
$$;
alter function registry.principal() owner to rowhouse_owner;
revoke all on function registry.principal() from public;
grant execute on function registry.principal() to rowhouse_api, rowhouse_tenancy;
