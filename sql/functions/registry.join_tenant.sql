-- Door for doors of rowhouse_identity alone (registry.accept_invitation_as_new), and called by those of its own owner: uses an
-- invitation up and makes somebody a member, whose address and name the membership carries: a foreign key refuses what is not
-- so. Everything that is wrong raises, so the invitation stays unless the membership is there. Whoever invited is told.
-- Why a door: whoever makes accounts reaches nothing of a tenant.
--   RH003, RH061  the tenant is not open     RH012  no such invitation: used, taken back, expired, or never made
--   RH013  it was sent to another address, which the message names    RH014  a member already
create or replace function registry.join_tenant(
        who uuid, address text, their_name text, invited_to uuid, invitation uuid, invitation_hash bytea) returns uuid
    language plpgsql security definer set search_path = ''
as $$
declare
    invited record;
    status text;
begin
    delete from tenant.invitations i
    where i.tenant_id = invited_to and i.id = invitation and i.token_hash = sha256(invitation_hash) and i.expires_at > now()
    returning i.email, i.role_id, i.permissions, i.invited_by into invited;
    if not found then
        raise exception using errcode = 'RH012', message = 'invitation';
    end if;
    if address <> invited.email then
        raise exception using errcode = 'RH013', message = invited.email;
    end if;
    select t.status into status from registry.tenants t where t.id = invited_to;
    perform registry.refuse_unless_open(status, 'members:write');
    insert into tenant.memberships (tenant_id, user_id, role_id, permissions, tenant_status, account_active, email, full_name)
    values (invited_to, who, invited.role_id, invited.permissions, status, true, address, their_name)
    on conflict do nothing;  -- no columns named: those would have to be the caller's to see
    if not found then
        raise exception using errcode = 'RH014', message = 'member already';
    end if;
    if invited.invited_by is not null then
        perform registry.notify_member(
            invited_to, invited.invited_by, 'member.joined', their_name || ' has accepted your invitation',
            '/tenant/members/' || who,
            jsonb_build_object('user_id', who, 'email', address, 'full_name', their_name, 'role_id', invited.role_id));
    end if;
    return invited_to;
end
$$;
alter function registry.join_tenant(uuid, text, text, uuid, uuid, bytea) owner to rowhouse_tenancy;
revoke all on function registry.join_tenant(uuid, text, text, uuid, uuid, bytea) from public;
grant execute on function registry.join_tenant(uuid, text, text, uuid, uuid, bytea) to rowhouse_identity;
comment on function registry.join_tenant(uuid, text, text, uuid, uuid, bytea) is
    'Whoever makes accounts reaches nothing of a tenant; it takes the invitation''s token, and uses it up.';
