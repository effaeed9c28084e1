-- Not a door, nobody may call it but doors: uses an invitation up and makes the user a member. Everything that
-- is wrong raises, so the invitation stays unless the membership is there. Whoever invited is told.
--   RH003  the tenant is not open            RH012  no such invitation: used, taken back, expired, or never made
--   RH013  it was sent to another address, which the message names    RH014  a member already
create or replace function registry.join_tenant(who uuid, invited_to uuid, invitation uuid, invitation_hash bytea) returns uuid
    language plpgsql set search_path = ''
as $$
declare
    invited tenant.invitations;
    account registry.users;
    status text;
begin
    delete from tenant.invitations i
    where i.tenant_id = invited_to and i.id = invitation and i.token_hash = sha256(invitation_hash) and i.expires_at > now()
    returning i.* into invited;
    if not found then
        raise exception using errcode = 'RH012', message = 'invitation';
    end if;
    select * into account from registry.users u where u.id = who;
    if account.email <> invited.email then
        raise exception using errcode = 'RH013', message = invited.email;
    end if;
    select t.status into status from registry.tenants t where t.id = invited_to;
    if status not in ('trial', 'active') then
        raise exception using errcode = 'RH003', message = status;
    end if;
    insert into tenant.memberships (tenant_id, user_id, role_id, permissions, tenant_status, account_active, email, full_name)
    values (invited_to, who, invited.role_id, invited.permissions, status, account.active, account.email, account.full_name)
    on conflict do nothing;  -- no columns named: those would have to be the caller's to see
    if not found then
        raise exception using errcode = 'RH014', message = 'member already';
    end if;
    if invited.invited_by is not null then
        perform registry.notify_member(
            invited_to, invited.invited_by, 'member.joined', account.full_name || ' has accepted your invitation',
            '/tenant/members/' || who,
            jsonb_build_object('user_id', who, 'email', account.email, 'full_name', account.full_name, 'role_id', invited.role_id));
    end if;
    return invited_to;
end
$$;
alter function registry.join_tenant(uuid, uuid, uuid, bytea) owner to rowhouse_owner;
revoke all on function registry.join_tenant(uuid, uuid, uuid, bytea) from public;
grant execute on function registry.join_tenant(uuid, uuid, uuid, bytea) to rowhouse_doors;
