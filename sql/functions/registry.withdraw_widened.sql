-- Trigger with its owner's rights: an invitation to a role that has grown beyond what whoever invited holds is withdrawn; whoever
-- made the role larger can invite anew. It is asked when a role's permissions cascade to its invitations.
-- The role that is asked is the inviter's as it is now: their membership follows at its own time.
-- Why with rights of its own: what is withdrawn must not depend on what whoever changes a role may see, and a cascade is nobody's
-- inside the wall (to PostgreSQL 17 what it sets off sees past the wall, from 18 on it does not). It is no door, nobody can call it;
-- it is true of whoever makes the change, in psql and in a migration for all tenants too.
create or replace function registry.withdraw_widened() returns trigger
    language plpgsql security definer set search_path = ''
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
alter function registry.withdraw_widened() owner to rowhouse_seats;
revoke all on function registry.withdraw_widened() from public;
comment on function registry.withdraw_widened() is
    'What somebody invited to and does not hold goes, whoever made the role larger.';
