-- Trigger, not a door: a role holds no permission that registry.permissions does not list, as a foreign
-- key would say if array elements could have one.
create or replace function registry.known_permissions() returns trigger
    language plpgsql set search_path = ''
as $$
declare
    unknown text;
begin
    select p into unknown
    from unnest(new.permissions) as p
    where not exists (select from registry.permissions k where k.name = p)
    limit 1;
    if found then
        raise exception using
            errcode = 'foreign_key_violation', constraint = 'roles_permissions_fkey',
            schema = tg_table_schema, table = tg_table_name, message = 'unknown permission';
    end if;
    return new;
end
$$;
alter function registry.known_permissions() owner to rowhouse_owner;
revoke all on function registry.known_permissions() from public;
