-- Trigger, not a door: runs with the rights of whoever makes the tenant. Every tenant has its settings from the first
-- moment, so reading them is one row, never "or the default".
create or replace function registry.begin_settings() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    insert into tenant.settings (tenant_id) values (new.id);
    return null;
end
$$;
alter function registry.begin_settings() owner to rowhouse_owner;
revoke all on function registry.begin_settings() from public;
