-- Not a door: how many requests the platform lets everybody make, by the name of the setting; null is as many as they like.
-- Runs with the rights of whoever asks: registry.meter. What is not set is `otherwise`.
create or replace function registry.platform_limit(setting text, otherwise bigint) returns bigint
    language plpgsql stable parallel safe set search_path = ''
as $$
declare
    stored jsonb := (select s.value from registry.platform_settings s where s.key = setting);
begin
    return case when stored is null then otherwise else (stored #>> '{}')::bigint end;
end
$$;
alter function registry.platform_limit(text, bigint) owner to rowhouse_owner;
revoke all on function registry.platform_limit(text, bigint) from public;
grant execute on function registry.platform_limit(text, bigint) to rowhouse_tenancy;
