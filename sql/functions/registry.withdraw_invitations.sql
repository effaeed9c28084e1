-- Trigger with its owner's rights: what a member had handed out goes when they may hand it out no longer. Whoever is given
-- another role, whose role shrinks, or whose account is deactivated, has the invitations withdrawn that carry more than
-- they hold now. What a removed member sent out goes by a foreign key (invitations_invited_by_fkey).
-- Asked is the role that an invitation is to, which is there already when the role itself is what changed; the
-- permissions that the invitation carries follow at their own time.
-- Why with rights of its own: what is withdrawn must not depend on whether whoever changes a role may take invitations
-- back. It is no door, nobody can call it; it is true of whoever makes the change, in psql too.
create or replace function registry.withdraw_invitations() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    delete from tenant.invitations i
    using tenant.roles r
    where i.tenant_id = new.tenant_id and i.invited_by = new.user_id
      and r.tenant_id = i.tenant_id and r.id = i.role_id
      and (not new.account_active or not r.permissions <@ new.permissions);
    return null;
end
$$;
alter function registry.withdraw_invitations() owner to rowhouse_tenancy;
revoke all on function registry.withdraw_invitations() from public;
comment on function registry.withdraw_invitations() is
    'What a member handed out and may no longer goes, whoever changed what they may.';
