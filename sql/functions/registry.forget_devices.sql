-- Trigger, not a door: with a password go the devices that it was given on. Whoever had the password had theirs among them.
create or replace function registry.forget_devices() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    delete from registry.devices d where d.user_id = new.id;
    return null;
end
$$;
alter function registry.forget_devices() owner to rowhouse_owner;
revoke all on function registry.forget_devices() from public;
