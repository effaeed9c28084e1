-- Trigger, not a door: an invitation to a role that has grown beyond what whoever invited holds is withdrawn; whoever made
-- the role larger can invite anew. It is asked when a role's permissions cascade to its invitations, which PostgreSQL
-- does in the name of the table's owner and outside its wall, so that it sees the inviter's role for whoever changed it.
-- The role that is asked is the inviter's as it is now: their membership follows at its own time.
create or replace function registry.withdraw_widened() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    delete from tenant.invitations i
    using tenant.memberships m, tenant.roles r
    where i.tenant_id = new.tenant_id and i.id = new.id
      and m.tenant_id = i.tenant_id and m.user_id = i.invited_by
      and r.tenant_id = m.tenant_id and r.id = m.role_id
      and not i.permissions <@ r.permissions;
    return null;
end
$$;
alter function registry.withdraw_widened() owner to rowhouse_owner;
revoke all on function registry.withdraw_widened() from public;
