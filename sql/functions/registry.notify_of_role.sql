-- Trigger with its owner's rights: whoever was given another role is told.
-- Why with rights of its own: nobody who serves may write what others are told. It is no door, nobody can call it; what
-- it says comes from the row that changed.
create or replace function registry.notify_of_role() returns trigger
    language plpgsql security definer set search_path = ''
as $$
declare
    role_name text := (select r.name from tenant.roles r where r.tenant_id = new.tenant_id and r.id = new.role_id);
begin
    perform registry.notify_member(
        new.tenant_id, new.user_id, 'member.role_changed', 'Your role is now ' || role_name,
        '/tenant/members/' || new.user_id, jsonb_build_object('role_id', new.role_id, 'role', role_name));
    return null;
end
$$;
alter function registry.notify_of_role() owner to rowhouse_writers;
revoke all on function registry.notify_of_role() from public;
comment on function registry.notify_of_role() is
    'Nobody who serves may write what others are told; it tells the member whose role changed.';
